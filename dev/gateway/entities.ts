/** Services, routes and plugin configurations, complete with Kong's defaults. */
import { createHash } from 'node:crypto';
import { luaString, type LuaTable } from './lua-value';
import type { JsonTable } from './schema';

/** Kong's only workspace, outside of Enterprise. */
export const WORKSPACE_ID = '0dc6f45b-8f8d-40d2-a504-473544ee190b';

export interface Service {
  readonly id: string;
  readonly name?: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  toTable(): LuaTable;
}

export interface Route {
  readonly id: string;
  readonly name?: string;
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly hosts: readonly string[];
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly stripPath: boolean;
  readonly preserveHost: boolean;
  readonly regexPriority: number;
  readonly service?: Service;
  toTable(): LuaTable;
}

/** One plugin entry of the configuration, ready to run. */
export interface PluginConfig {
  readonly id: string;
  readonly name: string;
  readonly routeId?: string;
  readonly serviceId?: string;
  /** As the plugin gets it: with defaults, without nulls. */
  readonly config: JsonTable;
  /** A new number means: instances of this configuration must be started anew. */
  readonly seq: number;
}

/** The members Kong adds to a configuration on its way to a plugin server. */
export function configForPluginServer(plugin: PluginConfig): JsonTable {
  return {
    ...plugin.config,
    __plugin_id: plugin.id,
    __key__: `plugins:${plugin.name}:${plugin.routeId ?? ''}:${plugin.serviceId ?? ''}:::${WORKSPACE_ID}`,
    __seq__: plugin.seq,
    __ws_id: WORKSPACE_ID,
    ...(plugin.routeId !== undefined && { route_id: plugin.routeId }),
    ...(plugin.serviceId !== undefined && { service_id: plugin.serviceId }),
  };
}

/** The same entity keeps its id over a reload, as with Kong's declarative configuration. */
export function entityId(kind: string, identity: string): string {
  const digest = createHash('sha1').update(`${kind}:${identity}`).digest('hex');
  const variant = ((parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `5${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}

/** Parsed YAML as Lua holds it: text as its UTF-8 bytes. */
export function toLuaTable(value: JsonTable): LuaTable {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [luaString(key), toLua(member)]));
}

function toLua(value: unknown): LuaTable[string] {
  if (typeof value === 'string') return luaString(value);
  if (Array.isArray(value)) return value.map(toLua);
  if (typeof value === 'object' && value !== null) return toLuaTable(value as JsonTable);
  return value as LuaTable[string];
}
