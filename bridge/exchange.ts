/** A request between its two plugins. */
import type { Configuration } from './configuration';
import type { ReplyChannel } from './reply/reply-channel';
import type { Wait } from './reply/reply-topic';
import type { RequestTrace } from './telemetry/tracing';

/** A request on its way: what the consumer half needs to know of it. */
export interface Exchange {
  readonly configuration: Configuration;
  readonly channel: ReplyChannel;
  readonly wait: Wait;
  /** Where the request went; undefined where another process sent it. */
  readonly topic: string | undefined;
  /** Of its record, as text; undefined where it has none, or it is not known here. */
  readonly key?: string | undefined;
  readonly accept: string | undefined;
  /** All Prefer headers, joined by commas. */
  readonly prefer: string | undefined;
  /** The id the client knows the request by; the one on the wire is that of `wireIdOf`. */
  readonly shownId: string;
  readonly trace: RequestTrace;
  /** Where the wait is for the reply to a request that was sent before, by whomever. */
  readonly repeats?: RepeatedExchange;
}

export interface RepeatedExchange {
  /** The id of that request on the wire; `wait.id` is on no record. */
  readonly wireId: string;
  /** It has had its reply before. */
  readonly isReplayed: boolean;
}

/** The id of the request on the wire. */
export function wireIdOf({ repeats, wait }: Exchange): string {
  return repeats?.wireId ?? wait.id;
}

/** What of it comes from the client's request. */
export type RequestFacts = Pick<Exchange, 'accept' | 'prefer' | 'shownId'>;
