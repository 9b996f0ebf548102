/** The topics of a route, and the brokers they are on, as the flags of several commands name them. */
import { connectionOf } from '../../bridge/config/connection-options';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { connectionFrom, requiredConnection, type ConnectionFlags } from '../connection';
import { usageError } from '../exit-codes';
import type { Surroundings } from '../surroundings';
import { readDeclarative } from './declarative';
import type { KongEntities } from './entities';
import { kafkaRouteNamed, kafkaRoutes, workingConfig, type KafkaRoute } from './kafka-routes';

export interface RouteFlags extends ConnectionFlags {
  readonly config?: string;
  readonly route?: string;
}

export interface NamedRoute {
  readonly entities: KongEntities;
  readonly route: KafkaRoute;
  /** By flags or environment, or else as the route's plugin has it. */
  readonly connection: ConnectionOptions;
}

/** @returns undefined without --config, where the flags have to say everything @throws CliError */
export async function routeFrom(
  flags: RouteFlags,
  surroundings: Pick<Surroundings, 'env'>,
): Promise<NamedRoute | undefined> {
  if (flags.config === undefined) {
    if (flags.route !== undefined) throw usageError('--route needs --config.');
    return undefined;
  }
  const given = connectionFrom(flags, surroundings);
  const entities = await readDeclarative(flags.config);
  const routes = kafkaRoutes(entities, { env: surroundings.env, withSecrets: given === undefined });
  const route = kafkaRouteNamed(routes, flags.route);
  const config = workingConfig<(typeof route.request)['name']>(route.request);
  return {
    entities,
    route,
    connection: given ?? {
      ...connectionOf(config, config.bootstrap_servers, config.timeout),
      clientId: 'kong-kafka',
    },
  };
}

/** @throws CliError where neither a route nor flags name brokers */
export function connectionOrRoutes(
  named: NamedRoute | undefined,
  flags: ConnectionFlags,
  surroundings: Pick<Surroundings, 'env'>,
): ConnectionOptions {
  return named?.connection ?? requiredConnection(flags, surroundings);
}
