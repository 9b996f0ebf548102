/** When a stream ends, and its limits. */
import type { ReceivedRecord } from '../kafka/records';

/** Replies have places among each other, and are told in their order. */
export interface SequenceRule {
  /** The record header with the place of a reply. */
  readonly header: string;
  /** The place of the first. */
  readonly start: number;
  /** For so long a reply waits for those before it. */
  readonly gapMs: number;
}

export interface StreamRule {
  /** A reply with this record header is the last; without a value it is the end alone. */
  readonly endHeader: string | undefined;
  readonly count: number | undefined;
  /** Undefined: in the order in which they come. */
  readonly sequence: SequenceRule | undefined;
  /** Nothing for so long ends it. */
  readonly idleMs: number | undefined;
  readonly maxLifeMs: number;
  /** How long one without a client goes on, and is kept after its end. */
  readonly resumeMs: number;
  /** Bounds of what is kept of it. */
  readonly bufferEvents: number;
  readonly bufferBytes: number;
  /** Streams of one consumer of Kong at once. */
  readonly maxPerConsumer: number;
  /** Of one WebSocket. */
  readonly maxInFlight: number;
  readonly messagesPerSecond: number;
  /** Undefined: all. */
  readonly allowedOrigins: readonly string[] | undefined;
  /** The route may have no service. */
  readonly withoutService: boolean;
}

/** Whether a message of a WebSocket may have several replies. Without a word of it, it has one. */
export function hasSeveral({ count = 1, endHeader }: Pick<StreamRule, 'count' | 'endHeader'>): boolean {
  return count > 1 || endHeader !== undefined;
}

/** Whether a reply says so itself. */
export function isLast({ endHeader }: Pick<StreamRule, 'endHeader'>, { headers }: ReceivedRecord): boolean {
  return endHeader !== undefined && headers.some(([name]) => name === endHeader);
}

/** Why a stream has ended. */
export type StreamEnd =
  | 'complete'
  | 'idle'
  | 'max_life'
  /** An error was its last event. */
  | 'failed'
  | 'client_gone'
  | 'draining';
