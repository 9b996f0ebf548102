/** The routes of a configuration that send requests to Kafka, with the plugins that Kong would run on each. */
import type { WaitConfig } from '../../bridge/config/wait-options';
import { usageError } from '../exit-codes';
import { isTable, type KongEntities, type PluginEntity, type RouteEntity, type Table } from './entities';
import { mostSpecific } from './most-specific';
import { isOurs, ourPlugins, type OurPlugin } from './our-plugins';

export interface KafkaRoute {
  readonly route: RouteEntity;
  readonly request: RequestPlugin;
  /** How replies are waited for; undefined for one-way, and where nobody waits. */
  readonly wait: WaitConfig | undefined;
  readonly consumer: ConsumerPlugin | undefined;
  /** The configuration of `request` as it stands in the file. */
  readonly written: Table;
}

export type RequestPlugin = OurPlugin<'custom_kafka_producer'> | OurPlugin<'custom_kafka_request_reply'>;
export type ConsumerPlugin = OurPlugin<'custom_kafka_consumer'>;

/**
 * @param options.withSecrets false: credentials are of no interest, and those that only Kong can read do no harm
 */
export function kafkaRoutes(
  entities: KongEntities,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly withSecrets: boolean },
): readonly KafkaRoute[] {
  const plugins = options.withSecrets ? entities.plugins : entities.plugins.map(withoutSecrets);
  const written = new Map(plugins.map((plugin, index) => [plugin, entities.plugins[index]?.config ?? {}]));
  const ours = ourPlugins({ ...entities, plugins }, options.env);
  return entities.routes.flatMap((route) => {
    const onRoute = <Name extends OurPlugin['name']>(name: Name): OurPlugin<Name> | undefined =>
      mostSpecific(
        ours.filter((plugin): plugin is OurPlugin<Name> => isOurs(plugin, name)),
        route,
        ({ entity }) => entity,
      );
    const request = onRoute('custom_kafka_request_reply') ?? onRoute('custom_kafka_producer');
    // Read as it was written: other options may be wrong or in a vault.
    if (!request || isResultRoute(request.entity)) return [];
    const consumer = isOurs(request, 'custom_kafka_producer') ? onRoute('custom_kafka_consumer') : undefined;
    const wait = isOurs(request, 'custom_kafka_request_reply')
      ? request.config?.reply
      : request.config?.reply_topic === undefined
        ? undefined
        : consumer?.config;
    return [{ route, request, consumer, wait, written: written.get(request.entity) ?? {} }];
  });
}

/** It gives replies to requests of other routes. */
const isResultRoute = ({ config: { reply } }: PluginEntity): boolean =>
  isTable(reply) && reply.mode === 'result';

/** @throws CliError where there is none of that name, or its plugins cannot work */
export function kafkaRouteNamed(routes: readonly KafkaRoute[], name: string | undefined): KafkaRoute {
  const names = routes.map(({ route }) => route.name);
  if (routes.length === 0) throw usageError('The configuration has no route that sends requests to Kafka.');
  if (name === undefined && routes.length > 1)
    throw usageError(`Say which route, by --route: ${names.join(', ')}.`);
  const found =
    name === undefined ? routes[0] : routes.find(({ route }) => route.name === name || route.id === name);
  if (!found) throw usageError(`No route ${name} sends requests to Kafka; these do: ${names.join(', ')}.`);
  for (const plugin of [found.request, found.consumer]) if (plugin) workingConfig(plugin);
  return found;
}

/** @throws CliError where the plugin server could not work with it, or its secrets are in a vault of Kong's */
export function workingConfig<Name extends OurPlugin['name']>({
  where,
  config,
  complaints: [complaint],
  unresolved,
}: OurPlugin<Name>): NonNullable<OurPlugin<Name>['config']> {
  if (config !== undefined) return config;
  if (complaint !== undefined) throw usageError(`${where}: ${complaint}.`);
  throw usageError(
    `${where}: ${unresolved.join(', ')} in a vault that only Kong can open; give the connection by --bootstrap or --connection.`,
  );
}

/** Of a schema registry what says which schemas there are, and not how to get in. */
function withoutSecrets(plugin: PluginEntity): PluginEntity {
  const config = omit(plugin.config, ['authentication', 'security', 'sink']);
  const { schema_registry: registry } = config;
  if (!isTable(registry) || !isTable(registry.confluent)) return { ...plugin, config };
  const confluent = omit(registry.confluent, [
    'authentication',
    'ca_certificate',
    'certificate',
    'key',
    'key_password',
  ]);
  return { ...plugin, config: { ...config, schema_registry: { confluent } } };
}

const omit = (table: Table, names: readonly string[]): Table =>
  Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)));
