/** Several replies to one request, for one configuration: from the wait that takes them to the answer. */
import { GatewayError, type ErrorCode } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { HttpResponse, ResponseMapper } from '../reply/http-response';
import type { Answered } from '../reply/pending-replies';
import { collectedResponse } from './collected-response';
import { CollectedReplies, type CollectedRepliesOptions } from './collected-replies';
import type { CollectRule } from './collect-rule';

/** The replies that are to be answered, or why there are none. */
export type CollectedOutcome =
  | { readonly replies: readonly ReceivedRecord[]; readonly isComplete: boolean }
  | { readonly error: GatewayError };

/** Who has a reply needs no delivery report. */
const AT_THE_DEADLINE: readonly ErrorCode[] = ['reply_timeout', 'produce_timeout'];

/** How often replies were answered together, all of them or not. */
export interface CollectedCounters {
  collected: number;
  collected_partial: number;
}

export class Collecting {
  readonly #rule: CollectRule;
  readonly #errorHeaders: ReadonlySet<string>;
  readonly #within: CollectedRepliesOptions['within'];
  readonly #counters: CollectedCounters;

  constructor(
    rule: CollectRule,
    errorHeaders: readonly string[],
    owner: Pick<CollectedRepliesOptions, 'within'> & { readonly counters: CollectedCounters },
  ) {
    this.#rule = rule;
    this.#errorHeaders = new Set(errorHeaders);
    this.#within = (limitMs, callback) => owner.within(limitMs, callback);
    this.#counters = owner.counters;
  }

  begin({ channel, wait }: Pick<Exchange, 'channel' | 'wait'>): CollectedReplies {
    return new CollectedReplies(this.#rule, {
      isError: ({ headers }) => headers.some(([name]) => this.#errorHeaders.has(name)),
      within: this.#within,
      onQuiet: (last) => channel.complete(wait, last),
    });
  }

  /** What the end of the wait means. */
  ended(collected: CollectedReplies, outcome: Answered<ReceivedRecord>): CollectedOutcome {
    collected.stop();
    const { failure, count, missing } = collected;
    if (failure instanceof GatewayError) return { error: failure };
    if (failure !== undefined) return { replies: [failure], isComplete: true };
    if ('reply' in outcome) return { replies: collected.replies, isComplete: true };
    const { error } = outcome;
    if (count === 0 || !AT_THE_DEADLINE.includes(error.code)) return outcome;
    if (this.#rule.isPartialAnswered) return { replies: collected.replies, isComplete: false };
    const others = missing === undefined ? 'the last one did not' : `${missing} did not`;
    return { error: new GatewayError('reply_timeout', `${count} replies came in time, ${others}`) };
  }

  /** @throws GatewayError as the mapper does, and `reply_invalid` */
  response(
    collected: CollectedReplies,
    replies: readonly ReceivedRecord[],
    isComplete: boolean,
    toResponse: ResponseMapper,
  ): HttpResponse {
    // An error reply speaks for itself.
    if (collected.failure !== undefined) return toResponse(replies[0] as ReceivedRecord);
    const { missing } = collected;
    const response = collectedResponse(replies.map(toResponse), this.#rule.form, { isComplete, missing });
    this.#counters[isComplete ? 'collected' : 'collected_partial']++;
    return response;
  }
}
