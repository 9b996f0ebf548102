/** What Kong is configured with, as far as it concerns these plugins; whether it came from a file or the Admin API. */

export interface KongEntities {
  readonly services: readonly ServiceEntity[];
  readonly routes: readonly RouteEntity[];
  readonly plugins: readonly PluginEntity[];
}

export interface ServiceEntity {
  readonly id: string;
  readonly name: string;
  /** Undefined: it is not said, or not in a form that is known. */
  readonly host: string | undefined;
}

export interface RouteEntity {
  readonly id: string;
  /** Its name, or what people would know it by. */
  readonly name: string;
  readonly serviceId: string | undefined;
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly requestBuffering: boolean;
  readonly responseBuffering: boolean;
}

export interface PluginEntity {
  readonly name: string;
  readonly enabled: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly routeId: string | undefined;
  readonly serviceId: string | undefined;
  /** Of a consumer or a group of consumers. */
  readonly isPerConsumer: boolean;
  /** Kong Enterprise: plugins before and after which it runs, in the access phase. */
  readonly runsBefore: readonly string[];
  readonly runsAfter: readonly string[];
}

export type Table = Readonly<Record<string, unknown>>;

export const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of a list that may not be there. */
export const tables = (value: unknown): readonly Table[] =>
  Array.isArray(value) ? value.filter(isTable) : [];

export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** A service as both forms have it, which is with a `url` in files only. */
export function serviceOf({ id, name, host, url }: Table, fallbackId: string): ServiceEntity {
  const known = text(id) ?? text(name) ?? fallbackId;
  const address = text(url);
  return {
    id: known,
    name: text(name) ?? known,
    host:
      text(host) ?? (address !== undefined && URL.canParse(address) ? new URL(address).hostname : undefined),
  };
}

/** A route as both forms have it. @param fallbackId where it has no id */
export function routeOf(route: Table, fallbackId: string, serviceId: string | undefined): RouteEntity {
  const paths = texts(route.paths);
  return {
    id: text(route.id) ?? fallbackId,
    name: text(route.name) ?? paths[0] ?? text(route.id) ?? fallbackId,
    serviceId,
    paths,
    methods: texts(route.methods),
    requestBuffering: route.request_buffering !== false,
    responseBuffering: route.response_buffering !== false,
  };
}

export interface PluginScope {
  readonly routeId?: string | undefined;
  readonly serviceId?: string | undefined;
  readonly isPerConsumer: boolean;
}

export function pluginOf(plugin: Table, { routeId, serviceId, isPerConsumer }: PluginScope): PluginEntity {
  return {
    name: text(plugin.name) ?? '',
    enabled: plugin.enabled !== false,
    config: isTable(plugin.config) ? plugin.config : {},
    routeId,
    serviceId,
    isPerConsumer,
    runsBefore: orderingOf(plugin, 'before'),
    runsAfter: orderingOf(plugin, 'after'),
  };
}

function orderingOf({ ordering }: Table, side: 'before' | 'after'): readonly string[] {
  const ofSide = isTable(ordering) ? ordering[side] : undefined;
  const access = isTable(ofSide) ? ofSide.access : undefined;
  return Array.isArray(access) ? access.filter((name) => typeof name === 'string') : [];
}
