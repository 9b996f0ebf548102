/**
 * Records in an order in which a reply stands behind its request, though the two topics are read side by side and either
 * may be ahead of the other.
 */
import type { ReceivedRecord } from '../../bridge/kafka/records';
import type { Pairs, TailedRecord } from './pairs';

/** What was read up to now, by the time of its records. */
export function inOrder(records: readonly ReceivedRecord[], pairs: Pairs): TailedRecord[] {
  const byTime = [...records].sort((one, other) => one.timestamp - other.timestamp);
  // Where clocks differ a reply has the earlier time, and needs its request all the same.
  const replies = byTime.filter((record) => pairs.isWaitingForRequest(record));
  const waiting = new Set(replies);
  const requests = byTime.filter((record) => !waiting.has(record)).map((record) => pairs.take(record));
  const taken = [...requests, ...replies.map((record) => pairs.take(record))];
  return taken.sort(
    (one, other) =>
      one.record.timestamp - other.record.timestamp ||
      Number(one.kind === 'reply') - Number(other.kind === 'reply'),
  );
}

/** What comes from now on: a reply without a request is held for a while. */
export class LiveOrder {
  readonly #held = new Map<ReceivedRecord, NodeJS.Timeout>();

  constructor(
    private readonly pairs: Pairs,
    private readonly holdMs: number,
    private readonly print: (taken: TailedRecord) => void,
  ) {}

  take(record: ReceivedRecord): void {
    if (this.pairs.isWaitingForRequest(record)) {
      if (this.#held.size >= MOST_HELD) this.#releaseOldest();
      this.#held.set(
        record,
        setTimeout(() => this.#release(record), this.holdMs),
      );
      return;
    }
    const taken = this.pairs.take(record);
    this.print(taken);
    if (taken.kind === 'reply') return;
    for (const reply of [...this.#held.keys()])
      if (!this.pairs.isWaitingForRequest(reply)) this.#release(reply);
  }

  /** Whatever is held is printed. */
  end(): void {
    for (const record of [...this.#held.keys()]) this.#release(record);
  }

  #releaseOldest(): void {
    const [oldest] = this.#held.keys();
    if (oldest) this.#release(oldest);
  }

  #release(record: ReceivedRecord): void {
    clearTimeout(this.#held.get(record));
    this.#held.delete(record);
    this.print(this.pairs.take(record));
  }
}

const MOST_HELD = 1000;
