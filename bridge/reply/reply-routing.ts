/**
 * How the replies of many gateways find the one that waits.
 *
 * - `broadcast`: every gateway reads all of the reply topic and drops what it does not wait for.
 * - `partition`: each reads one partition, and every request names it. Two gateways may have the same one: each drops
 *   what is the other's, so nothing has to be agreed on and no rebalance ever happens.
 * - `topic`: each has a reply topic of its own.
 */
import type { TopicLayout } from '../kafka/admin';
import type { PartitionChoice } from '../kafka/reader';
import type { KeptTopic } from '../kafka/topic-keeper';
import { nodeNumber } from '../node-id';
import { replyPartitionHeader, type DialectName } from './dialects';
import { routeTag } from './route-tag';

export const REPLY_ROUTINGS = ['broadcast', 'partition', 'topic'] as const;
export type ReplyRoutingMode = (typeof REPLY_ROUTINGS)[number];

export const NODE_PLACEHOLDER = '{node}';

/**
 * What `{node}` stands for begins with this, so that no topic that somebody else has named is taken for a gateway's:
 * those of gateways that are gone are deleted (topic-keeper.ts).
 */
const NODE_PREFIX = 'gateway-';

export function replyTopicOf(template: string, nodeId: string): string {
  return template.replace(NODE_PLACEHOLDER, `${NODE_PREFIX}${nodeId}`);
}

/** Whether a topic is some gateway's own by this template. */
export function isNodeTopic(template: string, topic: string): boolean {
  const [before = '', after] = template.split(NODE_PLACEHOLDER);
  return (
    after !== undefined &&
    topic.length > before.length + NODE_PREFIX.length + after.length &&
    topic.startsWith(before + NODE_PREFIX) &&
    topic.endsWith(after)
  );
}

/** Brokers delete what is older: far longer than any wait, and soon enough for a topic that nobody reads any more. */
const NODE_TOPIC_RETENTION_MS = 900_000;

/** Of a node's own reply topic, when the gateway has to make it: one reader needs one partition. */
const NODE_TOPIC_LAYOUT = {
  partitions: 1,
  /** The broker's default. */
  replicationFactor: -1,
  config: {
    'cleanup.policy': 'delete',
    'retention.ms': String(NODE_TOPIC_RETENTION_MS),
    'segment.ms': String(NODE_TOPIC_RETENTION_MS / 3),
  },
} as const;

/** What requests say about where their replies go, and what is read for them. */
export interface ReplyRoute {
  readonly replyTopic: string;
  /** The only one that is read. Undefined: all are. */
  readonly partition?: PartitionChoice;
  /** Record headers in which a request names it. */
  readonly partitionHeaders: readonly string[];
  /** How to make the topic where it is missing. Undefined: it is waited for. */
  readonly create?: TopicLayout;
  /** What is known of a topic of this node's own. Undefined: it is none. */
  readonly kept?: KeptTopic;
  /** Marks ids of requests whose replies go to a topic of this node's own. */
  readonly routeTag?: number;
}

export interface RoutingOptions {
  readonly mode: ReplyRoutingMode;
  /** With a placeholder in mode `topic`. */
  readonly replyTopic: string;
  /** Must exist. Undefined: the node's number decides, modulo the number of partitions. */
  readonly partition: number | undefined;
  readonly dialects: readonly DialectName[];
}

export function replyRoute(options: RoutingOptions, nodeId: string): ReplyRoute {
  switch (options.mode) {
    case 'broadcast':
      return { replyTopic: options.replyTopic, partitionHeaders: [] };
    case 'partition':
      return {
        replyTopic: options.replyTopic,
        partition:
          options.partition === undefined
            ? { number: nodeNumber(nodeId), wraps: true }
            : { number: options.partition, wraps: false },
        partitionHeaders: options.dialects
          .map(replyPartitionHeader)
          .filter((name): name is string => name !== undefined),
      };
    case 'topic': {
      const replyTopic = replyTopicOf(options.replyTopic, nodeId);
      return {
        replyTopic,
        partitionHeaders: [],
        create: NODE_TOPIC_LAYOUT,
        kept: {
          topic: replyTopic,
          retentionMs: NODE_TOPIC_RETENTION_MS,
          isSibling: (topic) => isNodeTopic(options.replyTopic, topic),
        },
        routeTag: routeTag(nodeNumber(nodeId)),
      };
    }
  }
}
