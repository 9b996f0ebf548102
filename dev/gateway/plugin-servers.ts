/** The plugins of a gateway, as kong.conf would name them: bundled ones, and one for each plugin server entry. */
import { bundledPlugins } from './worker';
import type { PluginRules } from './declarative';
import { ConfigurationError, describePlugin, loadDump, type PluginDescription } from './dump';

export interface PluginServerEntry {
  /** Of the entry; the plugin's name comes from the dump. */
  readonly name: string;
  readonly socketPath: string;
  /** What the query command prints: a file, or its parsed content. */
  readonly dump: string | object;
}

export interface InstalledServer {
  readonly entry: PluginServerEntry;
  readonly plugin: PluginDescription;
}

export class PluginCatalog {
  readonly servers: readonly InstalledServer[];
  readonly rules: ReadonlyMap<string, PluginRules>;
  readonly #priorities: ReadonlyMap<string, number>;

  constructor(entries: readonly PluginServerEntry[]) {
    this.servers = entries.map((entry) => ({ entry, plugin: descriptionOf(entry) }));
    const rules = new Map<string, PluginRules>();
    const priorities = new Map<string, number>();
    for (const plugin of bundledPlugins()) {
      rules.set(plugin.name, plugin);
      priorities.set(plugin.name, plugin.priority);
    }
    for (const { entry, plugin } of this.servers) {
      if (rules.has(plugin.name))
        throw new ConfigurationError(
          `plugin server ${entry.name}: there is another plugin called "${plugin.name}"`,
        );
      rules.set(plugin.name, { schema: plugin.schema });
      priorities.set(plugin.name, plugin.priority);
    }
    this.rules = rules;
    this.#priorities = priorities;
  }

  priorityOf(pluginName: string): number {
    return this.#priorities.get(pluginName) ?? 0;
  }
}

function descriptionOf(entry: PluginServerEntry): PluginDescription {
  if (typeof entry.dump === 'string') return loadDump(entry.dump);
  return describePlugin(entry.dump, `the dump of plugin server ${entry.name}`);
}
