/** What the listed plugins say of themselves, for what is generated from it. */
import { createRequire } from 'node:module';
import type { PluginDefinition } from '../bridge/config/kong-schema';
import { PLUGINS } from '../common/plugins';

const requireFrom = createRequire(__filename);

export const DEFINITIONS: readonly PluginDefinition[] = PLUGINS.map(({ name }) => {
  const { DEFINITION } = requireFrom(`../plugins/${name}/config`) as { DEFINITION: PluginDefinition };
  return DEFINITION;
});
