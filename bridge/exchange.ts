/** A request between its two plugins. */
import type { Configuration } from './configuration';
import type { ReplyChannel } from './reply/reply-channel';
import type { Wait } from './reply/reply-topic';

/** A request on its way: what the consumer half needs to know of it. */
export interface Exchange {
  readonly configuration: Configuration;
  readonly channel: ReplyChannel;
  readonly wait: Wait;
  readonly accept: string | undefined;
  /** All Prefer headers, joined by commas. */
  readonly prefer: string | undefined;
  /** The id the client knows the request by; the one on the wire is `wait.id`. */
  readonly shownId: string;
}

/** What of it comes from the client's request. */
export type RequestFacts = Pick<Exchange, 'accept' | 'prefer' | 'shownId'>;
