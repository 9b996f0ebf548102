/** What Kong itself says to a configuration of one of our plugins, by the committed dump. */
import { join } from 'node:path';
import { loadDump } from '../../dev/gateway/dump';
import { processConfig } from '../../dev/gateway/schema';

const DUMPS = join(__dirname, '..', '..', '..', 'kong');

/** Kong's complaints; none when it accepts. */
export function kongComplaints(
  plugin: 'custom_kafka_producer' | 'custom_kafka_consumer',
  config: object,
): readonly string[] {
  return processConfig(loadDump(join(DUMPS, `${plugin}.json`)).schema, config).errors;
}
