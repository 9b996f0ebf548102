/** Topics as the brokers have them, against what the configurations want of them. */
import { adviceFor } from '../../../status/advice';
import type { ClusterFacts, Facts, TopicFacts } from '../facts';
import { finding, type Finding } from '../finding';
import { clusterUses, topicUses, type TopicUse } from '../topic-uses';
import type { Check } from './check';

/** A topic that is used, whoever uses it and for what. */
interface UsedTopic {
  readonly cluster: ClusterFacts;
  readonly name: string;
  readonly topic: TopicFacts;
  readonly uses: readonly TopicUse[];
}

export function usedTopics(facts: Facts): readonly UsedTopic[] {
  const uses = topicUses(facts);
  return facts.clusters.flatMap((cluster) =>
    [...cluster.topics].map(([name, topic]) => ({
      cluster,
      name,
      topic,
      uses: uses.filter((use) => use.topic === name && use.clusterKey === cluster.key),
    })),
  );
}

type TopicCheck = (used: UsedTopic) => readonly Finding[];

const overTopics =
  (check: TopicCheck): Check =>
  (facts) =>
    usedTopics(facts)
      .filter(({ uses }) => uses.length > 0)
      .flatMap(check);

/** Those that are there: nothing else can be said of the others. */
const overThere = (check: TopicCheck): Check =>
  overTopics((used) => (used.topic.state === 'there' ? check(used) : []));

export const clusters: Check = (facts) =>
  facts.clusters.flatMap(({ key, name, reason }) => {
    if (reason === undefined) return [];
    const users = clusterUses(facts).find((use) => use.key === key);
    return [
      finding('cluster_unreachable', {
        where: users ? `brokers ${name}, ${users.where}` : `brokers ${name}`,
        what: reason,
        fix: adviceFor({ reason })?.todo ?? 'Check bootstrap_servers, authentication and security.',
      }),
    ];
  });

export const existence = overTopics(({ cluster, name, topic, uses }) => {
  const where = whereOf(name, uses);
  if (topic.state === 'missing')
    return [
      finding('topic_missing', {
        where,
        what: `The brokers ${cluster.name} have no topic ${name}.`,
        fix: `kong-kafka doctor … --fix-topics, or:\n${createCommand(cluster, name)}`,
      }),
    ];
  if (topic.state === 'hidden')
    return [
      finding('topic_hidden', {
        where,
        what: `The brokers ${cluster.name} refuse to describe ${name}, whether it is there or not.`,
        fix: aclCommand(cluster, name, writes(uses) ? 'Write' : 'Read'),
      }),
    ];
  return [];
});

export const rights = overThere(({ cluster, name, topic, uses }) => {
  if (!topic.rights) return [];
  const where = whereOf(name, uses);
  const found: Finding[] = [];
  if (writes(uses) && !topic.rights.write)
    found.push(
      finding('no_write_right', {
        where,
        what: `${userOf(cluster)} may not write to ${name}.`,
        fix: aclCommand(cluster, name, 'Write'),
      }),
    );
  if (reads(uses) && !topic.rights.read)
    found.push(
      finding('no_read_right', {
        where,
        what: `${userOf(cluster)} may not read ${name}.`,
        fix: aclCommand(cluster, name, 'Read'),
      }),
    );
  return found;
});

export const leaders = overThere(({ name, topic, uses }) => {
  const without = topic.partitions.filter(({ leader }) => leader < 0);
  if (without.length === 0) return [];
  return [
    finding('leader_missing', {
      where: whereOf(name, uses),
      what: `${without.length} of ${topic.partitions.length} partitions of ${name} have no leader: ${without.map(({ id }) => id).join(', ')}.`,
      fix: 'Start the brokers that hold them.',
    }),
  ];
});

export const copies = overThere(({ cluster, name, topic, uses }) => {
  const where = whereOf(name, uses);
  const fewest = Math.min(...topic.partitions.map(({ replicas }) => replicas));
  const found: Finding[] = [];
  if (fewest === 1 && cluster.brokers > 1)
    found.push(
      finding('few_copies', {
        where,
        what: `${name} has one copy, and the cluster ${cluster.brokers} brokers.`,
        fix: `Reassign it with ${Math.min(3, cluster.brokers)} replicas (kafka-reassign-partitions.sh), or make it again:\n${createCommand(cluster, name)}`,
      }),
    );
  const least = settingOf(topic, 'min.insync.replicas');
  if (
    least === undefined ||
    !uses.some(({ wantsAllReplicas, role }) => wantsAllReplicas && role !== 'replies')
  )
    return found;
  const inSync = Math.min(...topic.partitions.map((partition) => partition.inSync));
  const fix = configCommand(cluster, name, 'min.insync.replicas', Math.max(1, fewest - 1));
  if (least > fewest)
    found.push(
      finding('min_insync_above_copies', {
        where,
        what: `${name} has ${counted(fewest, 'copy', 'copies')}, and min.insync.replicas is ${least}.`,
        fix,
      }),
    );
  else if (least > inSync)
    found.push(
      finding('min_insync_not_met', {
        where,
        what: `${name} has ${counted(inSync, 'copy', 'copies')} in sync, and min.insync.replicas is ${least}.`,
        fix: 'Start the brokers that hold the other copies.',
      }),
    );
  return found;
});

export const partitions = overThere(({ cluster, name, topic, uses }) => {
  const where = whereOf(name, uses);
  const count = topic.partitions.length;
  const found: Finding[] = [];
  if (count === 1 && uses.some(({ role }) => role === 'requests'))
    found.push(
      finding('one_partition', {
        where,
        what: `${name} has one partition.`,
        fix: partitionsCommand(cluster, name, RECOMMENDED_PARTITIONS),
      }),
    );
  const highest = Math.max(-1, ...uses.map(({ partition }) => partition ?? -1));
  if (highest >= count)
    found.push(
      finding('partition_missing', {
        where,
        what: `reply_partition is ${highest}, and ${name} has ${counted(count, 'partition', 'partitions')}, which count from 0.`,
        fix: partitionsCommand(cluster, name, highest + 1),
      }),
    );
  else if (count === 1 && uses.some(({ readsOnePartition }) => readsOnePartition))
    found.push(
      finding('one_reply_partition', {
        where,
        what: `${name} has one partition.`,
        fix: `As many as there are gateways:\n${partitionsCommand(cluster, name, RECOMMENDED_PARTITIONS)}`,
      }),
    );
  return found;
});

export const ends = overThere(({ name, topic, uses }) => {
  const count = topic.partitions.length;
  const ended = uses.find(({ endsBy, readsOnePartition }) => endsBy !== undefined && !readsOnePartition);
  if (count === 1 || ended === undefined) return [];
  return [
    finding('end_may_overtake', {
      where: whereOf(name, [ended]),
      what: `${name} has ${count} partitions, and ${ended.endsBy} has no sequence_header beside it.`,
      fix: 'The service gives all replies to a request the same key, or it numbers them, with sequence_header for the name of that header.',
    }),
  ];
});

const DAY_MS = 86_400_000;

export const retention = overThere(({ cluster, name, topic, uses }) => {
  const where = whereOf(name, uses);
  const keptMs = settingOf(topic, 'retention.ms');
  // Negative: for ever.
  if (keptMs === undefined || keptMs < 0 || !policyOf(topic).includes('delete')) return [];
  const waits = uses.flatMap(({ longestWaitMs }) => longestWaitMs ?? []);
  const longest = Math.max(0, ...waits);
  if (keptMs < longest)
    return [
      finding('retention_short', {
        where,
        what: `${name} keeps records for ${keptMs} ms (retention.ms), and clients wait for ${longest} ms.`,
        fix: configCommand(cluster, name, 'retention.ms', DAY_MS),
      }),
    ];
  if (keptMs < DAY_MS && uses.some(({ role }) => role === 'failed requests'))
    return [
      finding('failed_requests_expire', {
        where,
        what: `${name} keeps records for ${keptMs} ms (retention.ms).`,
        fix: configCommand(cluster, name, 'retention.ms', 7 * DAY_MS),
      }),
    ];
  return [];
});

export const compaction = overThere(({ cluster, name, topic, uses }) => {
  if (!policyOf(topic).includes('compact')) return [];
  const harmed = uses.find(({ role, hasKey }) => (role === 'requests' || role === 'replies') && !hasKey);
  if (!harmed) return [];
  return [
    finding('topic_compacted', {
      where: whereOf(name, uses),
      what: `${name} has cleanup.policy=${policyOf(topic)}.`,
      fix: configCommand(cluster, name, 'cleanup.policy', 'delete'),
    }),
  ];
});

/** Of keys, headers and the batch around a record: generous, since headers may be many. */
const ROOM_BYTES = 16 * 1024;
/** Our producer gives no larger record to a broker (bridge/kafka/connection.ts). */
const CLIENT_LIMIT_BYTES = 10 * 1024 * 1024;

export const sizes = overThere(({ cluster, name, topic, uses }) => {
  const topicLimit = settingOf(topic, 'max.message.bytes');
  if (topicLimit === undefined) return [];
  const found: Finding[] = [];
  const most = (role: TopicUse['role']) =>
    uses
      .filter((use) => use.role === role && use.mostBytes !== undefined)
      .sort((one, other) => other.mostBytes! - one.mostBytes!)[0];
  for (const role of ['requests', 'failed requests'] as const) {
    const sender = most(role);
    const limit = Math.min(topicLimit, CLIENT_LIMIT_BYTES);
    if (!sender || sender.mostBytes! <= limit) continue;
    const isOurs = topicLimit >= sender.mostBytes! + ROOM_BYTES;
    found.push(
      finding('requests_too_large', {
        where: whereOf(name, [sender]),
        what: `max_request_bytes is ${sender.mostBytes}, and ${isOurs ? `the Kafka client sends ${CLIENT_LIMIT_BYTES} bytes at most` : `max.message.bytes of ${name} is ${topicLimit}`}.`,
        fix: isOurs
          ? `max_request_bytes: ${CLIENT_LIMIT_BYTES - ROOM_BYTES}`
          : `max_request_bytes: ${Math.max(0, limit - ROOM_BYTES)}, or\n${configCommand(cluster, name, 'max.message.bytes', sender.mostBytes! + ROOM_BYTES)}`,
      }),
    );
  }
  const reader = most('replies');
  if (!reader) return found;
  const where = whereOf(name, [reader]);
  if (topicLimit > reader.mostBytes! + ROOM_BYTES)
    found.push(
      finding('replies_too_large', {
        where,
        what: `max.message.bytes of ${name} is ${topicLimit}, and max_reply_bytes ${reader.mostBytes}.`,
        fix: `max_reply_bytes: ${Math.min(topicLimit, MOST_REPLY_BYTES)}, if such replies are meant to come through.`,
      }),
    );
  else if (topicLimit < reader.mostBytes!)
    found.push(
      finding('reply_limit_unused', {
        where,
        what: `max_reply_bytes is ${reader.mostBytes}, and max.message.bytes of ${name} ${topicLimit}.`,
        fix: configCommand(cluster, name, 'max.message.bytes', reader.mostBytes! + ROOM_BYTES),
      }),
    );
  return found;
});

/** The upper bound of the option. */
const MOST_REPLY_BYTES = 16_777_216;

export const hiddenSettings = overThere(({ cluster, name, topic, uses }) =>
  topic.settings
    ? []
    : [
        finding('not_checked', {
          where: whereOf(name, uses),
          what: `${userOf(cluster)} may not see how ${name} is set: retention, sizes and copies in sync were not checked.`,
          fix: aclCommand(cluster, name, 'DescribeConfigs'),
        }),
      ],
);

// What topics are made with

export const RECOMMENDED_PARTITIONS = 6;

export const recommendedCopies = ({ brokers }: Pick<ClusterFacts, 'brokers'>): number =>
  Math.max(1, Math.min(3, brokers));

function createCommand(cluster: ClusterFacts, topic: string): string {
  return `kafka-topics.sh --bootstrap-server ${cluster.bootstrap} --create --topic ${topic} --partitions ${RECOMMENDED_PARTITIONS} --replication-factor ${recommendedCopies(cluster)}`;
}

function partitionsCommand({ bootstrap }: ClusterFacts, topic: string, count: number): string {
  return `kafka-topics.sh --bootstrap-server ${bootstrap} --alter --topic ${topic} --partitions ${count}`;
}

function configCommand(
  { bootstrap }: ClusterFacts,
  topic: string,
  name: string,
  value: string | number,
): string {
  return `kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${value}`;
}

function aclCommand({ bootstrap, user }: ClusterFacts, topic: string, operation: string): string {
  return `kafka-acls.sh --bootstrap-server ${bootstrap} --add --allow-principal User:${user ?? '<user of the gateway>'} --operation ${operation} --topic ${topic}`;
}

const userOf = ({ user }: ClusterFacts): string => (user === undefined ? 'The gateway' : `The user ${user}`);

function settingOf({ settings }: TopicFacts, name: string): number | undefined {
  const value = Number(settings?.get(name) ?? NaN);
  return Number.isNaN(value) ? undefined : value;
}

const policyOf = ({ settings }: TopicFacts): string => settings?.get('cleanup.policy') ?? 'delete';

const writes = (uses: readonly TopicUse[]) => uses.some(({ role }) => role !== 'replies');
const reads = (uses: readonly TopicUse[]) => uses.some(({ role }) => role === 'replies');

const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

function whereOf(name: string, uses: readonly TopicUse[]): string {
  const [first, ...others] = [...new Set(uses.map(({ plugin }) => plugin.where))];
  const more = others.length > 0 ? ` and ${counted(others.length, 'other', 'others')}` : '';
  const roles = [...new Set(uses.map(({ role }) => role))].join(' and ');
  return `topic ${name} (${roles}), ${first}${more}`;
}
