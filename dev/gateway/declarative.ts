/** Kong's declarative configuration (`kong.yml`, format 3.0) into services, routes and checked plugin entries. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ConfigurationError } from './dump';
import { entityId, toLuaTable, WORKSPACE_ID, type PluginConfig, type Route, type Service } from './entities';
import {
  entryOf,
  isObject,
  processEntity,
  resolveReferences,
  withoutNulls,
  type JsonTable,
  type PluginSchema,
} from './schema';

/** What the configuration may enable: a schema, and rules the schema language has no words for. */
export interface PluginRules {
  readonly schema: PluginSchema;
  check?(config: JsonTable): string | undefined;
}

export interface DeclarativeConfig {
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly plugins: readonly PluginConfig[];
  /** Parts of the file the stand-in does not imitate. */
  readonly ignored: readonly string[];
}

const TOP_LEVEL = ['_format_version', '_transform', '_comment', '_info', 'services', 'routes', 'plugins'];
const NOT_IMITATED = [
  'consumers',
  'consumer_groups',
  'upstreams',
  'certificates',
  'ca_certificates',
  'snis',
  'vaults',
];

const SERVICE_MEMBERS = [
  'id', 'name', 'url', 'protocol', 'host', 'port', 'path', 'retries', 'connect_timeout', 'write_timeout',
  'read_timeout', 'enabled', 'tags', 'routes', 'plugins',
]; // prettier-ignore
const ROUTE_MEMBERS = [
  'id', 'name', 'protocols', 'methods', 'hosts', 'paths', 'headers', 'strip_path', 'preserve_host',
  'regex_priority', 'path_handling', 'https_redirect_status_code', 'request_buffering', 'response_buffering',
  'tags', 'service', 'plugins',
]; // prettier-ignore
const PLUGIN_MEMBERS = [
  'id', 'name', 'instance_name', 'config', 'enabled', 'protocols', 'tags', 'route', 'service', 'consumer',
]; // prettier-ignore

const DEFAULT_PORTS: Record<string, number> = { http: 80, https: 443 };
const DEFAULT_TIMEOUT_MS = 60_000;

export function readDeclarative(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`cannot read the configuration ${file}: ${(error as Error).message}`);
  }
  try {
    return parse(text);
  } catch (error) {
    const [firstLine] = (error as Error).message.split('\n');
    throw new ConfigurationError(`${file} is not valid YAML: ${firstLine}`);
  }
}

/** Throws one `ConfigurationError` that lists everything wrong. */
export function parseDeclarative(
  document: unknown,
  rules: ReadonlyMap<string, PluginRules>,
  environment: NodeJS.ProcessEnv = process.env,
): DeclarativeConfig {
  return new Reader(rules, environment).read(document);
}

class Reader {
  readonly #problems: string[] = [];
  readonly #services: Service[] = [];
  readonly #routes: Route[] = [];
  readonly #plugins: PluginConfig[] = [];

  constructor(
    private readonly rules: ReadonlyMap<string, PluginRules>,
    private readonly environment: NodeJS.ProcessEnv,
  ) {}

  read(document: unknown): DeclarativeConfig {
    if (!isObject(document)) throw new ConfigurationError('the configuration is not a table');
    const version = document._format_version;
    if (version === undefined) this.#report('_format_version', 'required field missing');
    else if (version !== '3.0')
      this.#report('_format_version', `expected "3.0", got ${JSON.stringify(version)}`);
    for (const key of Object.keys(document)) {
      if (![...TOP_LEVEL, ...NOT_IMITATED].includes(key)) this.#report(key, 'unknown field');
    }
    this.#each(document.services, 'services', (service, at) => this.#service(service, at));
    this.#each(document.routes, 'routes', (route, at) => this.#route(route, at, undefined));
    this.#each(document.plugins, 'plugins', (plugin, at) => this.#plugin(plugin, at, {}));
    this.#checkUnique();
    if (this.#problems.length > 0)
      throw new ConfigurationError(`the configuration is invalid: ${this.#problems.join('; ')}`);
    return {
      services: this.#services,
      routes: this.#routes,
      plugins: this.#plugins,
      ignored: NOT_IMITATED.filter((key) => key in document),
    };
  }

  #report(path: string, problem: string): void {
    this.#problems.push(`${path}: ${problem}`);
  }

  #each(list: unknown, path: string, visit: (entry: JsonTable, at: string) => void): void {
    if (list === undefined || list === null) return;
    if (!Array.isArray(list)) return this.#report(path, 'expected an array');
    list.forEach((entry: unknown, index) => {
      const name = isObject(entry) && typeof entry.name === 'string' ? entry.name : index + 1;
      const at = `${path}[${name}]`;
      if (isObject(entry)) visit(entry, at);
      else this.#report(at, 'expected a record');
    });
  }

  #checkMembers(entry: JsonTable, allowed: readonly string[], path: string): void {
    for (const key of Object.keys(entry)) {
      if (!allowed.includes(key)) this.#report(`${path}.${key}`, 'unknown field');
    }
  }

  #text(entry: JsonTable, key: string, path: string): string | undefined {
    const value = entry[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    this.#report(`${path}.${key}`, 'expected a string');
    return undefined;
  }

  #integer(entry: JsonTable, key: string, path: string, otherwise: number): number {
    const value = entry[key] ?? otherwise;
    if (Number.isInteger(value)) return value as number;
    this.#report(`${path}.${key}`, 'expected an integer');
    return otherwise;
  }

  #boolean(entry: JsonTable, key: string, path: string, otherwise: boolean): boolean {
    const value = entry[key] ?? otherwise;
    if (typeof value === 'boolean') return value;
    this.#report(`${path}.${key}`, 'expected a boolean');
    return otherwise;
  }

  #texts(entry: JsonTable, key: string, path: string): string[] {
    const value = entry[key] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.#report(`${path}.${key}`, 'expected an array of strings');
    return [];
  }

  #service(entry: JsonTable, path: string): void {
    this.#checkMembers(entry, SERVICE_MEMBERS, path);
    const name = this.#text(entry, 'name', path);
    const target = this.#target(entry, path);
    const id = this.#text(entry, 'id', path) ?? entityId('service', name ?? JSON.stringify(target));
    const table = {
      ...target,
      id,
      ...(name !== undefined && { name }),
      retries: this.#integer(entry, 'retries', path, 5),
      connect_timeout: this.#integer(entry, 'connect_timeout', path, DEFAULT_TIMEOUT_MS),
      write_timeout: this.#integer(entry, 'write_timeout', path, DEFAULT_TIMEOUT_MS),
      read_timeout: this.#integer(entry, 'read_timeout', path, DEFAULT_TIMEOUT_MS),
      enabled: true,
      ws_id: WORKSPACE_ID,
      ...timestamps(),
    };
    const lua = toLuaTable(table);
    const service: Service = {
      ...target,
      id,
      ...(name !== undefined && { name }),
      connectTimeoutMs: table.connect_timeout,
      readTimeoutMs: table.read_timeout,
      toTable: () => lua,
    };
    this.#services.push(service);
    this.#each(entry.routes, `${path}.routes`, (route, at) => this.#route(route, at, service));
    this.#each(entry.plugins, `${path}.plugins`, (plugin, at) => this.#plugin(plugin, at, { service }));
  }

  #target(entry: JsonTable, path: string): Pick<Service, 'protocol' | 'host' | 'port' | 'path'> {
    const url = this.#text(entry, 'url', path);
    if (url !== undefined) {
      if (!URL.canParse(url)) this.#report(`${path}.url`, 'missing host in url');
      else {
        const { protocol, hostname, port, pathname } = new URL(url);
        const scheme = protocol.slice(0, -1);
        return {
          protocol: scheme,
          host: hostname.replace(/^\[|\]$/g, ''),
          port: port === '' ? (DEFAULT_PORTS[scheme] ?? 80) : Number(port),
          ...(pathname !== '/' && { path: pathname }),
        };
      }
    }
    const host = this.#text(entry, 'host', path);
    if (host === undefined && url === undefined) this.#report(`${path}.host`, 'required field missing');
    const protocol = this.#text(entry, 'protocol', path) ?? 'http';
    if (!(protocol in DEFAULT_PORTS))
      this.#report(`${path}.protocol`, 'this gateway proxies to http and https only');
    const upstreamPath = this.#text(entry, 'path', path);
    return {
      protocol,
      host: host ?? '',
      port: this.#integer(entry, 'port', path, DEFAULT_PORTS[protocol] ?? 80),
      ...(upstreamPath !== undefined && { path: upstreamPath }),
    };
  }

  #route(entry: JsonTable, path: string, parent: Service | undefined): void {
    this.#checkMembers(entry, ROUTE_MEMBERS, path);
    const service = parent ?? this.#serviceNamed(entry.service, `${path}.service`);
    const name = this.#text(entry, 'name', path);
    const paths = this.#paths(entry, path);
    const methods = this.#texts(entry, 'methods', path);
    const hosts = this.#texts(entry, 'hosts', path);
    const headers = this.#headers(entry.headers, `${path}.headers`);
    if (paths.length + methods.length + hosts.length + Object.keys(headers).length === 0)
      this.#report(path, "must set one of 'methods', 'hosts', 'headers', 'paths'");
    const shape = { paths, methods, hosts, headers };
    const id =
      this.#text(entry, 'id', path) ?? entityId('route', name ?? JSON.stringify([service?.id, shape]));
    const stripPath = this.#boolean(entry, 'strip_path', path, true);
    const preserveHost = this.#boolean(entry, 'preserve_host', path, false);
    const regexPriority = this.#integer(entry, 'regex_priority', path, 0);
    const table = toLuaTable({
      id,
      ...(name !== undefined && { name }),
      protocols: entry.protocols ?? ['http', 'https'],
      ...(methods.length > 0 && { methods }),
      ...(hosts.length > 0 && { hosts }),
      ...(paths.length > 0 && { paths }),
      https_redirect_status_code: 426,
      regex_priority: regexPriority,
      strip_path: stripPath,
      preserve_host: preserveHost,
      path_handling: 'v0',
      request_buffering: true,
      response_buffering: true,
      ...(Array.isArray(entry.tags) && { tags: entry.tags as unknown[] }),
      ...(service && { service: { id: service.id } }),
      ws_id: WORKSPACE_ID,
      ...timestamps(),
    });
    const route: Route = {
      id,
      ...(name !== undefined && { name }),
      ...shape,
      stripPath,
      preserveHost,
      regexPriority,
      ...(service && { service }),
      toTable: () => table,
    };
    this.#routes.push(route);
    this.#each(entry.plugins, `${path}.plugins`, (plugin, at) => this.#plugin(plugin, at, { route }));
  }

  #paths(entry: JsonTable, path: string): string[] {
    const paths = this.#texts(entry, 'paths', path);
    for (const item of paths) {
      if (item.startsWith('~')) this.#checkRegex(item.slice(1), `${path}.paths`);
      else if (!item.startsWith('/')) this.#report(`${path}.paths`, `should start with: / (${item})`);
    }
    return paths;
  }

  #checkRegex(source: string, path: string): void {
    try {
      pathRegex(source);
    } catch (error) {
      this.#report(path, `not a valid regex: ${source} (${(error as Error).message})`);
    }
  }

  #headers(value: unknown, path: string): Record<string, string[]> {
    if (value === undefined || value === null) return {};
    if (isObject(value))
      return Object.fromEntries(
        Object.keys(value).map((key) => [key.toLowerCase(), this.#texts(value, key, path)]),
      );
    this.#report(path, 'expected a map');
    return {};
  }

  #serviceNamed(reference: unknown, path: string): Service | undefined {
    const name = referenceName(reference);
    if (name === undefined) return undefined;
    const service = this.#services.find((item) => item.name === name || item.id === name);
    if (!service) this.#report(path, `there is no service called "${name}"`);
    return service;
  }

  #routeNamed(reference: unknown, path: string): Route | undefined {
    const name = referenceName(reference);
    if (name === undefined) return undefined;
    const route = this.#routes.find((item) => item.name === name || item.id === name);
    if (!route) this.#report(path, `there is no route called "${name}"`);
    return route;
  }

  #plugin(entry: JsonTable, path: string, parent: { route?: Route; service?: Service }): void {
    this.#checkMembers(entry, PLUGIN_MEMBERS, path);
    const name = this.#text(entry, 'name', path);
    if (name === undefined) return this.#report(`${path}.name`, 'required field missing');
    const enabled = this.#boolean(entry, 'enabled', path, true);
    const rules = this.rules.get(name);
    if (!rules)
      return this.#report(
        path,
        `plugin '${name}' not enabled; it is neither built into this gateway nor given by a plugin server`,
      );
    const route = parent.route ?? this.#routeNamed(entry.route, `${path}.route`);
    const service = parent.service ?? this.#serviceNamed(entry.service, `${path}.service`);
    const config = this.#pluginConfig(rules, entry, path, { route, service });
    if (!enabled || config === undefined) return;
    const instance = this.#text(entry, 'instance_name', path) ?? '';
    const identity = [name, instance, route?.id ?? '', service?.id ?? ''].join(':');
    this.#plugins.push({
      id: this.#text(entry, 'id', path) ?? entityId('plugin', identity),
      name,
      ...(route && { routeId: route.id }),
      ...(service && { serviceId: service.id }),
      config,
      seq: 0,
    });
  }

  #pluginConfig(
    rules: PluginRules,
    entry: JsonTable,
    path: string,
    parents: { route: Route | undefined; service: Service | undefined },
  ): JsonTable | undefined {
    const { entity, errors } = processEntity(rules.schema, {
      config: entry.config ?? undefined,
      ...(entry.protocols !== undefined && { protocols: entry.protocols }),
      ...(entry.consumer !== undefined && { consumer: entry.consumer }),
      ...(parents.route && { route: parents.route.id }),
      ...(parents.service && { service: parents.service.id }),
    });
    for (const error of errors) this.#problems.push(`${path} ${error}`);
    if (errors.length > 0) return undefined;
    const definition = rules.schema.fields.map(entryOf).find(([name]) => name === 'config')?.[1];
    const config = withoutNulls(isObject(entity.config) ? entity.config : {});
    const problem = rules.check?.(config);
    if (problem !== undefined) this.#problems.push(`${path} config: ${problem}`);
    return definition ? resolveReferences(definition, config, this.environment) : config;
  }

  #checkUnique(): void {
    reportDuplicates(
      this.#services,
      (service) => service.name,
      (name) => {
        this.#report('services', `there are two services called "${name}"`);
      },
    );
    reportDuplicates(
      this.#routes,
      (route) => route.name,
      (name) => {
        this.#report('routes', `there are two routes called "${name}"`);
      },
    );
    reportDuplicates(
      this.#plugins,
      (plugin) => plugin.id,
      (id) => {
        const name = this.#plugins.find((plugin) => plugin.id === id)?.name;
        this.#report('plugins', `plugin '${name}' is configured twice for the same route and service`);
      },
    );
  }
}

/** Kong's regex paths are anchored at the beginning; PCRE writes named groups with a `P`. */
export function pathRegex(source: string): RegExp {
  return new RegExp(`^(?:${source.replace(/^\^/, '').replaceAll('(?P<', '(?<')})`);
}

function reportDuplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  report: (key: string) => void,
): void {
  const seen = new Set<string>();
  const reported = new Set<string>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    if (seen.has(key) && !reported.has(key)) {
      reported.add(key);
      report(key);
    }
    seen.add(key);
  }
}

function referenceName(reference: unknown): string | undefined {
  if (typeof reference === 'string') return reference;
  if (!isObject(reference)) return undefined;
  const name = reference.name ?? reference.id;
  return typeof name === 'string' ? name : undefined;
}

function timestamps(): JsonTable {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return { created_at: nowSeconds, updated_at: nowSeconds };
}
