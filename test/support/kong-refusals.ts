/** What Kong's schema check says of a plugin configuration, by the committed dump. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processConfig, type PluginSchema } from '../../dev/gateway/schema';
import { repositoryRoot } from '../../dev/kafka/paths';

/** @returns sentences; none when Kong takes the configuration */
export function kongRefusals(plugin: string, config: Record<string, unknown>): readonly string[] {
  const dump = JSON.parse(readFileSync(join(repositoryRoot(), 'kong', `${plugin}.json`), 'utf8')) as {
    Plugins: [{ Schema: PluginSchema }];
  };
  return processConfig(dump.Plugins[0].Schema, config).errors;
}
