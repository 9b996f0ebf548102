/** Which topics the configurations need, for what, and how to reach their cluster. */
import { createHash } from 'node:crypto';
import { connectionOf } from '../../bridge/config/connection-options';
import { clusterLabel } from '../../bridge/kafka/cluster-access';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { NODE_PLACEHOLDER } from '../../bridge/reply/reply-routing';
import { isOurs, type OurPlugin } from '../kong-config/our-plugins';
import type { Facts } from './facts';
import { routeFlows, type RouteFlow } from './route-flows';

export type TopicRole = 'requests' | 'replies' | 'orphans' | 'log entries' | 'failed requests';

export interface TopicUse {
  readonly clusterKey: string;
  readonly topic: string;
  readonly role: TopicRole;
  readonly plugin: OurPlugin;
  /** Longest time a client of it is held; undefined: nobody waits. */
  readonly longestWaitMs: number | undefined;
  /** Largest body that is let in, or reply that is let out. */
  readonly mostBytes: number | undefined;
  /** Records have a key, whatever the request is. */
  readonly hasKey: boolean;
  /** `producer_request_acks: -1`, for what is written. */
  readonly wantsAllReplicas: boolean;
  /** Number that must exist; only with `reply_routing: partition`. */
  readonly partition: number | undefined;
  readonly readsOnePartition: boolean;
  /** The option by which a reply is the last of its request, where nothing says which come before it. */
  readonly endsBy: string | undefined;
}

export interface ClusterUse {
  readonly key: string;
  readonly name: string;
  readonly connection: ConnectionOptions;
  /** Options of its login or TLS that only Kong knows. */
  readonly unresolved: readonly string[];
  readonly topics: readonly string[];
  /** One of the plugins that use it. */
  readonly where: string;
}

type Sources = Pick<Facts, 'entities' | 'plugins'>;

/** Of topics with the id of a node in their name nobody knows them all: the gateways make these by themselves. */
export function topicUses(facts: Sources): readonly TopicUse[] {
  const flows = routeFlows(facts);
  return facts.plugins
    .flatMap((plugin) => usesOf(plugin, flows))
    .filter(({ topic }) => !topic.includes(NODE_PLACEHOLDER));
}

export function clusterUses(facts: Sources): readonly ClusterUse[] {
  const clusters = new Map<string, ClusterUse & { readonly topics: string[] }>();
  const uses = topicUses(facts);
  for (const plugin of facts.plugins) {
    const connection = connectionOfPlugin(plugin);
    if (connection === undefined) continue;
    const key = keyOf(connection);
    if (clusters.has(key)) continue;
    const topics = [...new Set(uses.filter((use) => use.clusterKey === key).map(({ topic }) => topic))];
    const unresolved = plugin.unresolved.filter((path) => /^(authentication|security|bootstrap_servers)\b/.test(path)); // prettier-ignore
    clusters.set(key, { key, name: clusterLabel(connection), connection, unresolved, topics, where: plugin.where }); // prettier-ignore
  }
  return [...clusters.values()];
}

/** The consumer reads with the producer's connection. */
export function connectionOfPlugin(plugin: OurPlugin): ConnectionOptions | undefined {
  if (plugin.name === 'custom_kafka_consumer' || plugin.config === undefined) return undefined;
  const config = plugin.config as Extract<OurPlugin['config'], { bootstrap_servers: readonly object[] }>;
  return { ...connectionOf(config, config.bootstrap_servers ?? []), clientId: 'kong-kafka-doctor' };
}

/** Equal for what is the same cluster with the same login. */
function keyOf({ bootstrapServers, sasl, tls }: ConnectionOptions): string {
  return createHash('sha256')
    .update(JSON.stringify([bootstrapServers, sasl, tls]))
    .digest('base64url');
}

const NOBODY_WAITS = {
  longestWaitMs: undefined,
  mostBytes: undefined,
  hasKey: false,
  wantsAllReplicas: true,
  partition: undefined,
  readsOnePartition: false,
  endsBy: undefined,
} as const;

function usesOf(plugin: OurPlugin, flows: readonly RouteFlow[]): readonly TopicUse[] {
  const connection = connectionOfPlugin(plugin);
  if (connection === undefined) return [];
  const base = { ...NOBODY_WAITS, clusterKey: keyOf(connection), plugin };
  if (isOurs(plugin, 'custom_kafka_log') && plugin.config) {
    const { topic, producer_request_acks } = plugin.config;
    return [{ ...base, topic, role: 'log entries', wantsAllReplicas: producer_request_acks === -1 }];
  }
  if (isOurs(plugin, 'custom_kafka_failover') && plugin.config) {
    const { topic, producer_request_acks, max_request_bytes } = plugin.config;
    const wantsAllReplicas = producer_request_acks === -1;
    return [{ ...base, topic, role: 'failed requests', wantsAllReplicas, mostBytes: max_request_bytes, hasKey: true }]; // prettier-ignore
  }
  const isOneEvent = isOurs(plugin, 'custom_kafka_request_reply');
  if (!isOneEvent && !isOurs(plugin, 'custom_kafka_producer')) return [];
  const config = plugin.config!;
  const waits = flows.filter((flow) => flow.sender === plugin).map(waitOf);
  const longest = (values: readonly (number | undefined)[]) =>
    values.reduce((most, value) => (most === undefined || (value ?? 0) > most ? value : most), undefined);
  const longestWaitMs =
    config.reply_topic === undefined ? undefined : longest(waits.map((wait) => wait?.longestMs));
  const wantsAllReplicas = config.producer_request_acks === -1;
  const requests = [config.topic, ...(config.allowed_topics ?? [])].map((topic): TopicUse => ({
    ...base,
    topic,
    role: 'requests',
    longestWaitMs,
    mostBytes: config.max_request_bytes,
    wantsAllReplicas,
    hasKey: config.key_source === 'consumer',
  }));
  const others: TopicUse[] = [];
  if (config.reply_topic !== undefined)
    others.push({
      ...base,
      topic: config.reply_topic,
      role: 'replies',
      longestWaitMs,
      mostBytes: longest(waits.map((wait) => wait?.mostBytes)),
      hasKey: waits.length > 0 && waits.every((wait) => wait?.isByKey === true),
      partition: config.reply_partition,
      readsOnePartition: config.reply_routing === 'partition',
      endsBy: waits.map((wait) => wait?.endsBy).find((option) => option !== undefined),
    });
  if (config.orphan_topic !== undefined)
    others.push({ ...base, topic: config.orphan_topic, role: 'orphans', wantsAllReplicas });
  return [...requests, ...others];
}

interface WaitFacts {
  readonly longestMs: number;
  readonly mostBytes: number;
  readonly isByKey: boolean;
  readonly endsBy: TopicUse['endsBy'];
}

/** What the half that waits is set to. */
export function waitOf(flow: RouteFlow): WaitFacts | undefined {
  const wait =
    flow.find('custom_kafka_request_reply')?.config?.reply ?? flow.find('custom_kafka_consumer')?.config;
  if (wait === undefined) return undefined;
  return {
    longestMs: Math.max(wait.timeout, wait.timeout_ceiling),
    mostBytes: wait.max_reply_bytes,
    isByKey: wait.match === 'key',
    endsBy: (['collect', 'stream'] as const)
      .filter(
        (several) => wait[several].end_header !== undefined && wait[several].sequence_header === undefined,
      )
      .map((several) => `${several}.end_header`)[0],
  };
}
