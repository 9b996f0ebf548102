/** A request between its two plugins. */
import type { ReplyChannel } from './reply/reply-channel';
import type { Wait } from './reply/reply-topic';
import type { RequestTrace } from './telemetry/tracing';

/** A request on its way: what the consumer half needs to know of it. */
export interface Exchange {
  readonly channel: ReplyChannel;
  readonly wait: Wait;
  /** Where the request went; undefined where another process sent it. */
  readonly topic: string | undefined;
  readonly accept: string | undefined;
  /** All Prefer headers, joined by commas. */
  readonly prefer: string | undefined;
  /** The id the client knows the request by; the one on the wire is `wait.id`. */
  readonly shownId: string;
  readonly trace: RequestTrace;
}

/** What of it comes from the client's request. */
export type RequestFacts = Pick<Exchange, 'accept' | 'prefer' | 'shownId'>;
