/** Which plugins run for a request of a route. */
import type { PluginName } from '../../common/plugins';
import type { KongEntities, PluginEntity, RouteEntity, ServiceEntity } from '../kong-config/entities';
import { mostSpecific } from '../kong-config/most-specific';
import { isOurs, type OurPlugin } from '../kong-config/our-plugins';
import type { Facts } from './facts';

export class RouteFlow {
  readonly where: string;
  readonly service: ServiceEntity | undefined;

  constructor(
    readonly route: RouteEntity,
    private readonly entities: KongEntities,
    private readonly plugins: readonly OurPlugin[],
  ) {
    this.where = `route ${route.name}`;
    this.service = entities.services.find(({ id }) => id === route.serviceId);
  }

  /** Without regard to consumers, who may have configurations of their own. */
  find<Name extends PluginName>(name: Name): OurPlugin<Name> | undefined {
    const candidates = this.plugins.filter((plugin) => isOurs(plugin, name));
    return mostSpecific(candidates, this.route, ({ entity }) => entity);
  }

  /** Of any name. */
  other(name: string): PluginEntity | undefined {
    const candidates = this.entities.plugins.filter((plugin) => plugin.name === name && plugin.enabled);
    return mostSpecific(candidates, this.route, (entity) => entity);
  }

  /** The one that sends requests and waits, or whose other half waits. */
  get sender(): OurPlugin<'custom_kafka_producer' | 'custom_kafka_request_reply'> | undefined {
    return this.find('custom_kafka_request_reply') ?? this.find('custom_kafka_producer');
  }

  /** Each reply is sent on, by a port of the plugin server. */
  get isStream(): boolean {
    return (
      this.find('custom_kafka_request_reply')?.config?.reply.mode === 'stream' ||
      this.find('custom_kafka_consumer')?.config?.mode === 'stream'
    );
  }
}

export function routeFlows({ entities, plugins }: Pick<Facts, 'entities' | 'plugins'>): readonly RouteFlow[] {
  return entities.routes.map((route) => new RouteFlow(route, entities, plugins));
}
