/** Requests and replies as they belong together, from two streams of records of which neither waits for the other. */
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { correlationIdOf, isRequest } from '../../bridge/reply/dialects';
import { bothCases, everyIdOf, type MatchRule } from '../../bridge/reply/match-rule';

export interface TailedRecord {
  readonly record: ReceivedRecord;
  readonly kind: 'request' | 'reply';
  /** Undefined: it has none where it was looked for. */
  readonly id: string | undefined;
  /** Of a reply: its request, where that was seen. */
  readonly request?: ReceivedRecord | undefined;
  /** Between the timestamps of the two, which two machines may have set. */
  readonly afterMs?: number | undefined;
  /** A second reply to one request. */
  readonly isFurther?: boolean;
}

export interface PairOptions {
  readonly requestTopics: readonly string[];
  readonly replyTopic: string;
  /** Where replies carry the id. */
  readonly rule: MatchRule;
  /** Field of a request's JSON that carries the id, where its headers do not. */
  readonly bodyField: string | undefined;
}

/** Of requests whose reply may still come. */
const MOST_REQUESTS = 100_000;

export class Pairs {
  readonly counters = { requests: 0, replies: 0, orphans: 0, unanswered: 0 };
  readonly #options: PairOptions;
  /** By id, in the order in which they came. */
  readonly #requests = new Map<string, { readonly record: ReceivedRecord; replies: number }>();

  constructor(options: PairOptions) {
    this.#options = options;
  }

  /** Whether a record is a reply whose request may still have to be read. */
  isWaitingForRequest(record: ReceivedRecord): boolean {
    return this.#kindOf(record) === 'reply' && this.#requestOf(record) === undefined;
  }

  take(record: ReceivedRecord): TailedRecord {
    return this.#kindOf(record) === 'request' ? this.#takeRequest(record) : this.#takeReply(record);
  }

  #takeRequest(record: ReceivedRecord): TailedRecord {
    this.counters.requests++;
    this.counters.unanswered++;
    const id = this.#idOfRequest(record);
    if (id !== undefined) {
      this.#requests.set(id, { record, replies: 0 });
      const [oldest] = this.#requests.keys();
      if (this.#requests.size > MOST_REQUESTS && oldest !== undefined) this.#requests.delete(oldest);
    }
    return { record, kind: 'request', id };
  }

  #takeReply(record: ReceivedRecord): TailedRecord {
    this.counters.replies++;
    const found = this.#requestOf(record);
    const [id] = everyIdOf(this.#options.rule, record);
    if (!found) {
      this.counters.orphans++;
      return { record, kind: 'reply', id };
    }
    const isFurther = found.replies++ > 0;
    if (!isFurther) this.counters.unanswered--;
    return {
      record,
      kind: 'reply',
      id,
      request: found.record,
      afterMs: timeBetween(found.record, record),
      isFurther,
    };
  }

  #requestOf(reply: ReceivedRecord) {
    for (const id of everyIdOf(this.#options.rule, reply)) {
      const found = this.#requests.get(id);
      if (found) return found;
    }
    return undefined;
  }

  #kindOf(record: ReceivedRecord): TailedRecord['kind'] {
    const { requestTopics, replyTopic } = this.#options;
    if (!requestTopics.includes(record.topic)) return 'reply';
    return record.topic === replyTopic && !isRequest(record) ? 'reply' : 'request';
  }

  #idOfRequest(record: ReceivedRecord): string | undefined {
    const id = correlationIdOf(record) ?? fieldOf(record, this.#options.bodyField);
    return id === undefined ? undefined : bothCases(id).at(-1);
  }
}

function timeBetween(request: ReceivedRecord, reply: ReceivedRecord): number | undefined {
  return request.timestamp < 0 || reply.timestamp < 0 ? undefined : reply.timestamp - request.timestamp;
}

function fieldOf({ value }: ReceivedRecord, field: string | undefined): string | undefined {
  if (field === undefined || value === null) return undefined;
  try {
    const parsed = JSON.parse(value.toString()) as unknown;
    const id =
      typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, field)
        ? (parsed as Record<string, unknown>)[field]
        : undefined;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
