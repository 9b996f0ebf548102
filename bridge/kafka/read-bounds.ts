/**
 * How much of a topic is taken at once, and which records are not taken as they are.
 *
 * Everybody who may write to a reply topic decides what is in its records, and compressed ones are small on their way:
 * a thousand times their size in memory is possible. The client library unpacks whole batches and its binding makes
 * objects of all headers before we see a record, so what is bounded here is how many of them are made at a time. A read
 * takes few records after an expensive one, and more again when the next are cheap.
 *
 * A record over a bound is nobody's reply: its size and the number of its headers are more than any answer may have. It
 * goes on without key, value and headers, so that positions move on behind it.
 */
import { log } from '../telemetry/log';
import type { NativeMessage } from './binding';
import { fromNativeMessage } from './record-conversion';
import { costOf, HEADER_COST_BYTES, type ReceivedRecord } from './records';

/** Of a record; what Kong takes in an answer. */
const MAX_HEADERS = 1000;
/** The largest reply an option allows is 16 MiB, which is 22 as base64 in an envelope. */
const MAX_COST_BYTES = 32 * 1024 * 1024;

/**
 * What the first records of a flood may cost in all is this many times the dearest. More at a time would save little: at
 * 32 a read costs each record a microsecond.
 */
const MOST_RECORDS = 32;
/** What one read may cost, as far as the last ones tell. */
const BUDGET_BYTES = 8 * 1024 * 1024;

export type SkipReason = 'too_large' | 'too_many_headers';

export class ReadBounds {
  /** Records over a bound, by bound. */
  readonly skipped: Record<SkipReason, number> = { too_large: 0, too_many_headers: 0 };
  readonly #told = new Set<string>();
  #dearest = 0;
  #expected = 0;

  /** How many the next read may take. */
  get records(): number {
    if (this.#expected * MOST_RECORDS <= BUDGET_BYTES) return MOST_RECORDS;
    return Math.max(1, Math.floor(BUDGET_BYTES / this.#expected));
  }

  /** The record, emptied where it is over a bound. */
  admit(message: NativeMessage): ReceivedRecord {
    const headers = message.headers?.length ?? 0;
    if (headers > MAX_HEADERS) {
      const bytes = (message.value?.length ?? 0) + (message.key?.length ?? 0);
      return this.#skip(message, 'too_many_headers', bytes + headers * HEADER_COST_BYTES);
    }
    const record = fromNativeMessage(message);
    const costBytes = costOf(record);
    if (costBytes > MAX_COST_BYTES) return this.#skip(message, 'too_large', costBytes);
    this.#dearest = Math.max(this.#dearest, costBytes);
    return record;
  }

  /** To be called behind each read: one expensive record makes the next reads small, for a while. */
  readEnded(): void {
    this.#expected = Math.max(this.#dearest, this.#expected / 2);
    this.#dearest = 0;
  }

  #skip({ topic, partition, offset, timestamp = -1 }: NativeMessage, reason: SkipReason, costBytes: number) {
    this.#dearest = Math.max(this.#dearest, costBytes);
    this.skipped[reason]++;
    const kind = `${reason} ${topic}`;
    if (!this.#told.has(kind)) {
      this.#told.add(kind);
      log.warn('a record is skipped, and further ones of this kind are only counted', {
        reason,
        topic,
        partition,
        offset,
        cost_bytes: costBytes,
      });
    }
    return { topic, partition, offset, timestamp, key: null, value: null, headers: [] };
  }
}
