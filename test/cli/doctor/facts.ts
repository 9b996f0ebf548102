/** Facts as doctor gathers them, of a gateway that has nothing wrong; a test changes what it is about. */
import { version } from '../../../bridge/version';
import type { ClusterFacts, Facts, KongFacts, TopicFacts } from '../../../cli/doctor/facts';
import { clusterUses } from '../../../cli/doctor/topic-uses';
import { entitiesOf } from '../../../cli/kong-config/declarative';
import type { Table } from '../../../cli/kong-config/entities';
import { kongVersion } from '../../../cli/kong-config/kong-version';
import { ourPlugins } from '../../../cli/kong-config/our-plugins';

export const SERVERS = [{ host: 'kafka', port: 9092 }];

export const ONE_EVENT = {
  name: 'custom_kafka_request_reply',
  config: { bootstrap_servers: SERVERS, topic: 'orders.requests', reply_topic: 'orders.replies' },
};
export const PRODUCER = { ...ONE_EVENT, name: 'custom_kafka_producer' };
export const CONSUMER = { name: 'custom_kafka_consumer' };
export const FAILOVER = { name: 'custom_kafka_failover', config: { bootstrap_servers: SERVERS } };

/** Of a route `orders` with these plugins. */
export const routeWith = (plugins: readonly object[], more: object = {}): Table => ({
  routes: [{ name: 'orders', paths: ['/orders'], plugins, ...more }],
});

export const SETTINGS: ReadonlyMap<string, string> = new Map([
  ['retention.ms', '604800000'],
  ['min.insync.replicas', '2'],
  ['max.message.bytes', '1048588'],
  ['cleanup.policy', 'delete'],
]);

export const HEALTHY_TOPIC: TopicFacts = {
  state: 'there',
  partitions: [0, 1, 2].map((id) => ({ id, leader: 1, replicas: 3, inSync: 3 })),
  rights: { read: true, write: true },
  settings: SETTINGS,
};

export interface Situation {
  readonly document?: Table;
  readonly env?: Record<string, string>;
  readonly kong?: Partial<Omit<KongFacts, 'version'>> & { readonly version?: string };
  readonly server?: Facts['server'];
  readonly topics?: Readonly<Record<string, Partial<TopicFacts>>>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly cluster?: Partial<ClusterFacts>;
  readonly unasked?: Facts['unasked'];
}

export function factsOf(situation: Situation = {}): Facts {
  const entities = entitiesOf(situation.document ?? routeWith([ONE_EVENT]));
  const plugins = ourPlugins(entities, situation.env ?? {}, { keepsReferences: true });
  const clusters = clusterUses({ entities, plugins }).map(({ key, name, topics }): ClusterFacts => ({
    key,
    name,
    bootstrap: name,
    user: 'gateway',
    reason: undefined,
    brokers: 3,
    topics: new Map(
      topics.map((topic) => [topic, { ...HEALTHY_TOPIC, ...situation.topics?.[topic] }] as const),
    ),
    ...situation.cluster,
  }));
  const settings = situation.settings && new Map(Object.entries(situation.settings));
  const { version: kong, ...more } = situation.kong ?? {};
  return {
    version,
    entities,
    plugins,
    kong: {
      version: kongVersion(kong ?? '3.9.3'),
      settings,
      settingsAreComplete: settings !== undefined,
      rootFailedWith: undefined,
      installed: new Map(),
      schemas: new Map(),
      dumpFiles: new Map(),
      socketStates: new Map(),
      ...more,
    },
    server: situation.server,
    clusters,
    unasked: situation.unasked ?? [],
  };
}

export const topicSettings = (changed: Record<string, string>): Partial<TopicFacts> => ({
  settings: new Map([...SETTINGS, ...Object.entries(changed)]),
});
