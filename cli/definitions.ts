/** What each plugin says of itself; its table is loaded when it is asked for. */
import { createRequire } from 'node:module';
import type { PluginDefinition } from '../bridge/config/kong-schema';
import type { PluginName } from '../common/plugins';

const requireFrom = createRequire(__filename);

export function definitionOf(plugin: PluginName): PluginDefinition {
  const { DEFINITION } = requireFrom(`../plugins/${plugin}/config`) as { DEFINITION: PluginDefinition };
  return DEFINITION;
}
