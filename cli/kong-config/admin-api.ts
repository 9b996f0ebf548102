/** The same entities from Kong's Admin API, page by page, and what Kong says of itself. */
import { CliError } from '../exit-codes';
import { getJson, type JsonAnswer } from '../http';
import {
  isTable,
  pluginOf,
  routeOf,
  serviceOf,
  tables,
  text,
  type KongEntities,
  type PluginEntity,
  type Table,
} from './entities';

export interface AdminApiOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What Kong says of itself. */
export interface KongNode {
  /** Such as `3.9.1` or `3.11.0.0-enterprise-edition`; undefined where it is not told. */
  readonly version: string | undefined;
  /** Status of `GET /`, where it is an error. */
  readonly failedWith: number | undefined;
  readonly plugins: ReadonlyMap<string, InstalledPlugin>;
  /** Of kong.conf, as names without `KONG_`, in lower case. */
  readonly settings: ReadonlyMap<string, string>;
}

export interface InstalledPlugin {
  readonly version: string | undefined;
  readonly priority: number | undefined;
}

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 1000;
const MOST_PAGES = 1000;

export async function readAdminApi(api: AdminApiOptions): Promise<KongEntities> {
  const [services, routes, plugins] = [
    await allOf(api, 'services'),
    await allOf(api, 'routes'),
    await allOf(api, 'plugins'),
  ];
  return {
    services: services.map((service) => serviceOf(service, '')),
    routes: routes.map((route) => routeOf(route, '', idIn(route.service))),
    plugins: plugins.map((plugin): PluginEntity =>
      pluginOf(plugin, {
        routeId: idIn(plugin.route),
        serviceId: idIn(plugin.service),
        isPerConsumer: idIn(plugin.consumer) !== undefined || idIn(plugin.consumer_group) !== undefined,
      }),
    ),
  };
}

export async function readKongNode(api: AdminApiOptions): Promise<KongNode> {
  const { status, body, server } = await ask(api, '');
  // Also an answer that fails says who gives it.
  const [, answering] = /\bkong\/(\d[\w.-]*)/.exec(server ?? '') ?? [];
  if (status !== 200 || !isTable(body))
    return { version: answering, failedWith: status, plugins: new Map(), settings: new Map() };
  const installed =
    isTable(body.plugins) && isTable(body.plugins.available_on_server)
      ? body.plugins.available_on_server
      : {};
  return {
    version: text(body.version) ?? answering,
    failedWith: undefined,
    plugins: new Map(Object.entries(installed).map(([name, about]) => [name, installedPlugin(about)])),
    settings: settingsIn(isTable(body.configuration) ? body.configuration : {}),
  };
}

/** The schema that Kong has loaded for a plugin; undefined where it knows none. */
export async function readPluginSchema(api: AdminApiOptions, plugin: string): Promise<Table | undefined> {
  const { status, body } = await ask(api, `schemas/plugins/${plugin}`);
  return status === 200 && isTable(body) ? body : undefined;
}

async function allOf(api: AdminApiOptions, what: string): Promise<Table[]> {
  const found: Table[] = [];
  let path = `${what}?size=${PAGE_SIZE}`;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { status, body } = await ask(api, path);
    if (status === 401 || status === 403)
      throw new CliError(`The Admin API refuses to show ${what}, with status ${status}. A token can be given by --admin-header or KONG_ADMIN_TOKEN.`); // prettier-ignore
    if (status !== 200 || !isTable(body))
      throw new CliError(`The Admin API answers ${status} for ${what}: ${api.url.origin}${api.url.pathname} is no Admin API, or it fails.`); // prettier-ignore
    found.push(...tables(body.data));
    const offset = text(body.offset);
    if (offset === undefined) return found;
    path = `${what}?size=${PAGE_SIZE}&offset=${encodeURIComponent(offset)}`;
  }
  throw new CliError(`The Admin API has more than ${MOST_PAGES * PAGE_SIZE} ${what}.`);
}

async function ask({ url, headers, signal }: AdminApiOptions, path: string): Promise<JsonAnswer> {
  const base = url.href.endsWith('/') ? url.href : `${url.href}/`;
  try {
    return await getJson(new URL(path, base), { headers, signal, limitMs: TIMEOUT_MS });
  } catch (error) {
    throw new CliError(`The Admin API at ${url.origin} cannot be asked: ${(error as Error).message}.`);
  }
}

const idIn = (reference: unknown): string | undefined =>
  isTable(reference) ? text(reference.id) : undefined;

/** Before 3.0 it was `true`. */
function installedPlugin(about: unknown): InstalledPlugin {
  if (!isTable(about)) return { version: undefined, priority: undefined };
  return {
    version: text(about.version),
    priority: typeof about.priority === 'number' ? about.priority : undefined,
  };
}

/** Lists as Kong writes them in its file; what it hides stays out. */
function settingsIn(configuration: Table): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(configuration).flatMap(([name, value]): [string, string][] => {
      if (Array.isArray(value)) return [[name, value.filter((item) => typeof item === 'string').join(',')]];
      if (typeof value === 'boolean') return [[name, value ? 'on' : 'off']];
      return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
    }),
  );
}
