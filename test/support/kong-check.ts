/** What Kong itself says to a configuration of one of our plugins, by the committed dump. */
import { join } from 'node:path';
import type { PluginName } from '../../common/plugins';
import { loadDump } from '../../dev/gateway/dump';
import { processConfig, type PluginSchema } from '../../dev/gateway/schema';

const DUMPS = join(__dirname, '..', '..', '..', 'kong');
const schemas = new Map<string, PluginSchema>();

/** Kong's complaints; none when it accepts. */
export function kongComplaints(plugin: PluginName, config: object): readonly string[] {
  const schema = schemas.get(plugin) ?? loadDump(join(DUMPS, `${plugin}.json`)).schema;
  schemas.set(plugin, schema);
  return processConfig(schema, config).errors;
}
