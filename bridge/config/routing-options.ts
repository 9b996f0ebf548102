/** The options that say how a reply finds the gateway that waits for it. */
import { demands, IS_UNSET, requires } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';
import { TOPIC_NAME, TOPIC_TEMPLATE } from './shared-options';
import { nodeId, NODE_ID_VARIABLE } from '../node-id';
import { DIALECT_NAMES, replyPartitionHeader, type DialectName } from '../reply/dialects';
import {
  isNodeTopic,
  NODE_PLACEHOLDER,
  REPLY_ROUTINGS,
  replyRoute,
  type ReplyRoute,
} from '../reply/reply-routing';

const MAX_TOPIC_LENGTH = 249;
/** More than any topic has, and a tag of an id holds it. */
const MAX_PARTITION = 65_535;

/** Its description depends on whether it is required. */
export const REPLY_TOPIC = { ...TOPIC_TEMPLATE, name: 'reply_topic' } as const;

export const ROUTING_OPTIONS = [
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
      'Topic for replies that nobody waits for any more: late, duplicate or misrouted, as the header `orphan-reason` says. At least once; nothing waits for their delivery. Default: they are only counted. Only with `reply_topic`.',
  },
] as const satisfies OptionTable;

export interface RoutingConfig extends ConfigOf<typeof ROUTING_OPTIONS> {
  readonly reply_topic: string | undefined;
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

const ROUTING_OF_NOTHING = 'reply_routing: has no meaning without reply_topic';
const PARTITION_OF_NOTHING = 'reply_partition: needs reply_routing: partition';
const ONE_TOPIC_FOR_ALL = `reply_topic: must hold ${NODE_PLACEHOLDER} with reply_routing: topic, or all gateways would share it`;
const NODE_OF_NOTHING = `reply_topic: ${NODE_PLACEHOLDER} needs reply_routing: topic`;
const NAMES_NO_PARTITION =
  'dialects: must name plain or nestjs with reply_routing: partition, or no request would name the partition';
const NAMES_NO_TOPIC =
  'dialects: must name at least one with reply_routing: topic, or no request would name the topic';
const ORPHANS_OF_NOTHING = 'orphan_topic: has no meaning without reply_topic';

const NAMES_PARTITIONS = DIALECT_NAMES.filter((dialect) => replyPartitionHeader(dialect) !== undefined);

export const ROUTING_RULES: readonly CrossRule<RoutingConfig>[] = [
  {
    complaint: ({ reply_topic, reply_routing }) =>
      reply_topic === undefined && reply_routing !== 'broadcast' ? ROUTING_OF_NOTHING : undefined,
    kong: [demands('reply_topic', IS_UNSET, 'reply_routing', { one_of: ['broadcast'] }, ROUTING_OF_NOTHING)],
  },
  {
    complaint: ({ reply_routing, reply_partition }) =>
      reply_partition !== undefined && reply_routing !== 'partition' ? PARTITION_OF_NOTHING : undefined,
    kong: [demands('reply_routing', { ne: 'partition' }, 'reply_partition', IS_UNSET, PARTITION_OF_NOTHING)],
  },
  {
    complaint: ({ reply_topic, reply_routing }) =>
      reply_topic === undefined || reply_topic.includes(NODE_PLACEHOLDER) === (reply_routing === 'topic')
        ? undefined
        : reply_routing === 'topic'
          ? ONE_TOPIC_FOR_ALL
          : NODE_OF_NOTHING,
    kong: [
      demands(
        'reply_routing',
        { eq: 'topic' },
        'reply_topic',
        { match: NODE_PLACEHOLDER },
        ONE_TOPIC_FOR_ALL,
      ),
      demands(
        'reply_routing',
        { ne: 'topic' },
        'reply_topic',
        { not_match: NODE_PLACEHOLDER },
        NODE_OF_NOTHING,
      ),
    ],
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
      return dialects.length === 0 ? NAMES_NO_PARTITION : undefined;
    },
    kong: [
      requires('reply_routing', { eq: 'partition' }, 'dialects', NAMES_NO_PARTITION),
      demands(
        'reply_routing',
        { eq: 'partition' },
        'dialects',
        { elements: { type: 'string', one_of: NAMES_PARTITIONS } },
        'dialects: only plain and nestjs can be used with reply_routing: partition, as requests of the others cannot name one; or use reply_routing: topic',
      ),
    ],
  },
  {
    complaint: ({ reply_routing, dialects }) =>
      reply_routing === 'topic' && dialects.length === 0 ? NAMES_NO_TOPIC : undefined,
    kong: [demands('reply_routing', { eq: 'topic' }, 'dialects', { len_min: 1 }, NAMES_NO_TOPIC)],
  },
  {
    complaint: ({ reply_topic, orphan_topic, topic, allowed_topics = [] }) => {
      if (orphan_topic === undefined) return undefined;
      if (reply_topic === undefined) return ORPHANS_OF_NOTHING;
      if ([topic, ...allowed_topics].includes(orphan_topic))
        return 'orphan_topic: must not be a topic of requests, where replies would be answered';
      return orphan_topic === reply_topic || isNodeTopic(reply_topic, orphan_topic)
        ? 'orphan_topic: must not be reply_topic, where every orphan would be one more reply'
        : undefined;
    },
    kong: [
      demands('reply_topic', IS_UNSET, 'orphan_topic', IS_UNSET, ORPHANS_OF_NOTHING),
      { distinct: ['topic', 'orphan_topic'] },
      { distinct: ['reply_topic', 'orphan_topic'] },
    ],
  },
];

const FOUR_BYTES =
  'because its partition header holds four raw bytes, which the Kafka client library cannot send in a header';
const WHY_NOT: Partial<Record<DialectName, string>> = { spring: FOUR_BYTES, smallrye: FOUR_BYTES };
