/** The options that say how a reply finds the gateway that waits for it. */
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { CrossRule } from '../../bridge/config/parse';
import { TOPIC_NAME, TOPIC_TEMPLATE } from '../../bridge/config/shared-options';
import { nodeId, NODE_ID_VARIABLE } from '../../bridge/node-id';
import { replyPartitionHeader, type DialectName } from '../../bridge/reply/dialects';
import {
  isNodeTopic,
  NODE_PLACEHOLDER,
  REPLY_ROUTINGS,
  replyRoute,
  type ReplyRoute,
} from '../../bridge/reply/reply-routing';

const MAX_TOPIC_LENGTH = 249;
/** More than any topic has, and a tag of an id holds it. */
const MAX_PARTITION = 65_535;

export const ROUTING_OPTIONS = [
  {
    ...TOPIC_TEMPLATE,
    name: 'reply_topic',
    description:
      'Topic the replies arrive on. Set: the client is held by custom_kafka_consumer until the reply. Unset: one-way. With `reply_routing: topic` a template with `{node}`.',
  },
  {
    name: 'reply_routing',
    type: 'string',
    oneOf: REPLY_ROUTINGS,
    default: 'broadcast',
    description: `How the replies of many gateways find the one that waits. \`broadcast\` (default): each reads all; any responder. \`partition\`: each reads one and requests name it; the responder must obey. \`topic\`: a topic for each, made where it is missing; \`{node}\` in \`reply_topic\` becomes \`gateway-\` and the host name, or ${NODE_ID_VARIABLE} of the plugin server.`,
  },
  {
    name: 'reply_partition',
    type: 'integer',
    between: [0, MAX_PARTITION],
    description:
      'With `reply_routing: partition`: the partition to read. Unset: the number at the end of the host name (`kong-3`), else a hash of it, modulo the number of partitions. Gateways may share one.',
  },
  {
    ...TOPIC_NAME,
    name: 'orphan_topic',
    description:
      'Topic for replies that nobody waits for any more: late, duplicate or misrouted, as the header `orphan-reason` says. At least once; nothing waits for their delivery. Default: they are only counted.',
  },
] as const satisfies OptionTable;

export interface RoutingConfig extends ConfigOf<typeof ROUTING_OPTIONS> {
  readonly topic: string;
  readonly allowed_topics: readonly string[] | undefined;
  readonly dialects: readonly DialectName[];
}

/** @returns undefined for one-way */
export function replyRouteOf(config: RoutingConfig): ReplyRoute | undefined {
  const { reply_topic, reply_routing, reply_partition, dialects } = config;
  if (reply_topic === undefined) return undefined;
  return replyRoute(
    { mode: reply_routing, replyTopic: reply_topic, partition: reply_partition, dialects },
    nodeId(),
  );
}

export const ROUTING_RULES: readonly CrossRule<RoutingConfig>[] = [
  {
    complaint: ({ reply_topic, reply_routing }) =>
      reply_topic === undefined && reply_routing !== 'broadcast'
        ? 'reply_routing: has no meaning without reply_topic'
        : undefined,
  },
  {
    complaint: ({ reply_routing, reply_partition }) =>
      reply_partition !== undefined && reply_routing !== 'partition'
        ? 'reply_partition: needs reply_routing: partition'
        : undefined,
  },
  {
    complaint: ({ reply_topic, reply_routing }) =>
      reply_topic === undefined || reply_topic.includes(NODE_PLACEHOLDER) === (reply_routing === 'topic')
        ? undefined
        : reply_routing === 'topic'
          ? `reply_topic: must hold ${NODE_PLACEHOLDER} with reply_routing: topic, or all gateways would share it`
          : `reply_topic: ${NODE_PLACEHOLDER} needs reply_routing: topic`,
  },
  {
    complaint: (config) => {
      const { length } = replyRouteOf(config)?.replyTopic ?? '';
      return length <= MAX_TOPIC_LENGTH
        ? undefined
        : `reply_topic: has ${length} characters with this node's id in it, which is more than the ${MAX_TOPIC_LENGTH} that Kafka allows`;
    },
  },
  {
    complaint: ({ reply_routing, dialects }) => {
      if (reply_routing !== 'partition') return undefined;
      const mute = dialects.find((dialect) => replyPartitionHeader(dialect) === undefined);
      if (mute !== undefined) {
        return `dialects: ${mute} cannot be used with reply_routing: partition, ${WHY_NOT[mute] ?? 'which it has no header for'}; use plain or nestjs, or reply_routing: topic`;
      }
      return dialects.length === 0
        ? 'dialects: must name plain or nestjs with reply_routing: partition, or no request would name the partition'
        : undefined;
    },
  },
  {
    complaint: ({ reply_routing, dialects }) =>
      reply_routing === 'topic' && dialects.length === 0
        ? 'dialects: must name at least one with reply_routing: topic, or no request would name the topic'
        : undefined,
  },
  {
    complaint: ({ reply_topic, orphan_topic, topic, allowed_topics = [] }) => {
      if (orphan_topic === undefined) return undefined;
      if (reply_topic === undefined) return 'orphan_topic: has no meaning without reply_topic';
      if ([topic, ...allowed_topics].includes(orphan_topic))
        return 'orphan_topic: must not be a topic of requests, where replies would be answered';
      return orphan_topic === reply_topic || isNodeTopic(reply_topic, orphan_topic)
        ? 'orphan_topic: must not be reply_topic, where every orphan would be one more reply'
        : undefined;
    },
  },
];

const FOUR_BYTES =
  'because its partition header holds four raw bytes, which the Kafka client library cannot send in a header';
const WHY_NOT: Partial<Record<DialectName, string>> = { spring: FOUR_BYTES, smallrye: FOUR_BYTES };
