/** Which route a request takes, and which plugins run on it. */
import { pathRegex, type DeclarativeConfig } from './declarative';
import type { PluginConfig, Route, Service } from './entities';
import type { HeaderList } from './headers';
import { luaString } from './lua-value';

export interface RouteMatch {
  readonly route: Route;
  readonly service: Service | undefined;
  /** In the order in which they run. */
  readonly plugins: readonly PluginConfig[];
  /** The path without the part the route matched, for `strip_path`. */
  readonly remainder: string;
  readonly captures: {
    readonly named: Readonly<Record<string, string>>;
    readonly unnamed: readonly string[];
  };
}

export interface RequestLine {
  readonly method: string;
  /** Normalised. */
  readonly path: string;
  readonly host: string;
  readonly headers: HeaderList;
}

interface PathRule {
  readonly rank: number;
  match(path: string): Pick<RouteMatch, 'remainder' | 'captures'> | undefined;
}

interface Candidate {
  readonly route: Route;
  readonly plugins: readonly PluginConfig[];
  readonly path: PathRule | undefined;
  readonly host: string | undefined;
}

const NO_CAPTURES = { named: {}, unnamed: [] };

export class Router {
  readonly #candidates: readonly Candidate[];

  constructor(config: DeclarativeConfig, priorityOf: (pluginName: string) => number) {
    this.#candidates = config.routes
      .flatMap((route) => candidatesOf(route, pluginsOf(route, config, priorityOf)))
      .sort(bySpecificity);
  }

  match(request: RequestLine): RouteMatch | undefined {
    for (const { route, plugins, path, host } of this.#candidates) {
      if (route.methods.length > 0 && !route.methods.includes(request.method)) continue;
      if (host !== undefined && !hostMatches(host, request.host)) continue;
      if (!headersMatch(route.headers, request.headers)) continue;
      const matched = path ? path.match(request.path) : { remainder: request.path, captures: NO_CAPTURES };
      if (matched) return { route, service: route.service, plugins, ...matched };
    }
    return undefined;
  }
}

/** One configuration per plugin name: the one tied most closely to the route wins. */
function pluginsOf(
  route: Route,
  config: DeclarativeConfig,
  priorityOf: (pluginName: string) => number,
): PluginConfig[] {
  const closest = new Map<string, PluginConfig>();
  for (const plugin of config.plugins) {
    if (plugin.routeId !== undefined && plugin.routeId !== route.id) continue;
    if (plugin.serviceId !== undefined && plugin.serviceId !== route.service?.id) continue;
    const rival = closest.get(plugin.name);
    if (!rival || closeness(plugin) > closeness(rival)) closest.set(plugin.name, plugin);
  }
  return [...closest.values()].sort(
    (a, b) => priorityOf(b.name) - priorityOf(a.name) || b.name.localeCompare(a.name),
  );
}

function closeness(plugin: PluginConfig): number {
  return (plugin.routeId !== undefined ? 2 : 0) + (plugin.serviceId !== undefined ? 1 : 0);
}

function candidatesOf(route: Route, plugins: PluginConfig[]): Candidate[] {
  const paths: (PathRule | undefined)[] = route.paths.map((path) => pathRule(path, route.regexPriority));
  const hosts: (string | undefined)[] = route.hosts.map((host) => host.toLowerCase());
  if (paths.length === 0) paths.push(undefined);
  if (hosts.length === 0) hosts.push(undefined);
  return paths.flatMap((path) => hosts.map((host) => ({ route, plugins, path, host })));
}

/** Regex paths come before all prefixes; among these the longest wins. */
const REGEX_RANK = 1_000_000;

function pathRule(path: string, regexPriority: number): PathRule {
  if (!path.startsWith('~')) return prefixRule(luaString(path));
  const regex = pathRegex(luaString(path.slice(1)));
  return {
    rank: REGEX_RANK + regexPriority,
    match(text) {
      const found = regex.exec(text);
      if (!found) return undefined;
      const unnamed = found.slice(1).map((group) => group ?? '');
      return {
        remainder: text.slice(found[0].length),
        captures: { named: { ...found.groups }, unnamed },
      };
    },
  };
}

function prefixRule(prefix: string): PathRule {
  return {
    rank: prefix.length,
    match: (text) =>
      text.startsWith(prefix) ? { remainder: text.slice(prefix.length), captures: NO_CAPTURES } : undefined,
  };
}

/** Kong tries routes with more kinds of conditions first. */
function bySpecificity(a: Candidate, b: Candidate): number {
  return (
    conditions(b) - conditions(a) ||
    Number(isWildcard(a.host)) - Number(isWildcard(b.host)) ||
    Object.keys(b.route.headers).length - Object.keys(a.route.headers).length ||
    (b.path?.rank ?? 0) - (a.path?.rank ?? 0)
  );
}

function conditions({ route, path, host }: Candidate): number {
  return [
    path !== undefined,
    host !== undefined,
    route.methods.length > 0,
    Object.keys(route.headers).length > 0,
  ].filter(Boolean).length;
}

function isWildcard(host: string | undefined): boolean {
  return host?.includes('*') ?? false;
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern.startsWith('*')) return host.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return host.startsWith(pattern.slice(0, -1));
  return pattern === host;
}

function headersMatch(wanted: Readonly<Record<string, readonly string[]>>, headers: HeaderList): boolean {
  return Object.entries(wanted).every(([name, values]) =>
    headers.values(name).some((value) => values.includes(value)),
  );
}
