/** A kong.yml, also as decK writes it, in YAML or JSON. Kong itself checks it; here only what is asked of it is read. */
import { readFileSync } from 'node:fs';
import { usageError } from '../exit-codes';
import {
  isTable,
  pluginOf,
  routeOf,
  serviceOf,
  tables,
  text,
  type KongEntities,
  type PluginEntity,
  type PluginScope,
  type RouteEntity,
  type ServiceEntity,
  type Table,
} from './entities';

/** @throws CliError when it cannot be read, or is no configuration of Kong */
export async function readDeclarative(file: string): Promise<KongEntities> {
  let written: string;
  try {
    written = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`--config: ${(error as Error).message}.`);
  }
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(written, { logLevel: 'error', maxAliasCount: MOST_ALIASES });
  } catch (error) {
    // What follows the first line quotes the file, and that may be a password.
    const [reason = ''] = (error as Error).message.split('\n');
    throw usageError(`${file} is not YAML: ${reason.replace(/:$/, '')}.`);
  }
  if (
    !isTable(document) ||
    !['services', 'routes', 'plugins', '_format_version'].some((name) => name in document)
  )
    throw usageError(`${file} is no configuration of Kong: it has no services, routes or plugins.`);
  return entitiesOf(document);
}

/** A file of a few lines can become gigabytes by aliases of aliases. */
const MOST_ALIASES = 1000;

export function entitiesOf(document: Table): KongEntities {
  const reader = new Reader();
  reader.read(document);
  return reader;
}

/** In a file an entity may stand inside another, or name it by id or name. */
class Reader implements KongEntities {
  readonly services: ServiceEntity[] = [];
  readonly routes: RouteEntity[] = [];
  readonly plugins: PluginEntity[] = [];
  /** Of decK: options that several plugins have, by a name of the file's own. */
  #shared: Table = {};

  read(document: Table): void {
    if (isTable(document._plugin_configs)) this.#shared = document._plugin_configs;
    for (const service of tables(document.services)) this.#service(service);
    for (const route of tables(document.routes)) this.#route(route, this.#serviceNamed(route.service));
    for (const plugin of tables(document.plugins))
      this.#plugin(plugin, {
        routeId: this.#routeNamed(plugin.route),
        serviceId: this.#serviceNamed(plugin.service),
        isPerConsumer: isNamed(plugin.consumer) || isNamed(plugin.consumer_group),
      });
    for (const consumer of [...tables(document.consumers), ...tables(document.consumer_groups)])
      for (const plugin of tables(consumer.plugins)) this.#plugin(plugin, { isPerConsumer: true });
  }

  #service(service: Table): void {
    const entity = serviceOf(service, `service ${this.services.length + 1}`);
    const { id } = entity;
    this.services.push(entity);
    for (const route of tables(service.routes)) this.#route(route, id);
    for (const plugin of tables(service.plugins))
      this.#plugin(plugin, { serviceId: id, isPerConsumer: isNamed(plugin.consumer) });
  }

  #route(route: Table, serviceId: string | undefined): void {
    const entity = routeOf(route, text(route.name) ?? `route ${this.routes.length + 1}`, serviceId);
    this.routes.push(entity);
    for (const plugin of tables(route.plugins))
      this.#plugin(plugin, { routeId: entity.id, isPerConsumer: isNamed(plugin.consumer) });
  }

  #plugin(plugin: Table, scope: PluginScope): void {
    const { _config: name, config: own } = plugin;
    const shared = typeof name === 'string' && Object.hasOwn(this.#shared, name) ? this.#shared[name] : {};
    const config = { ...(isTable(shared) && shared), ...(isTable(own) && own) };
    this.plugins.push(pluginOf({ ...plugin, config }, scope));
  }

  #serviceNamed(reference: unknown): string | undefined {
    return entityNamed(reference, this.services);
  }

  #routeNamed(reference: unknown): string | undefined {
    return entityNamed(reference, this.routes);
  }
}

/** `orders`, `{ name: orders }` or `{ id: … }`; one that is not in the file is kept by that name. */
function entityNamed(
  reference: unknown,
  entities: readonly { readonly id: string; readonly name: string }[],
): string | undefined {
  const named = isTable(reference) ? (text(reference.id) ?? text(reference.name)) : text(reference);
  if (named === undefined) return undefined;
  return entities.find(({ id, name }) => id === named || name === named)?.id ?? named;
}

const isNamed = (reference: unknown): boolean => reference !== undefined && reference !== null;
