/**
 * Records that matched no wait, kept for a moment because the wait, or the rule that finds it, may come later:
 * the consumer half of a request runs after the producer half, and in Kong's stock server in another process.
 */
import type { Clock } from '../clock';
import { costOf, type ReceivedRecord } from '../kafka/records';

interface Held {
  readonly record: ReceivedRecord;
  readonly ids: readonly string[];
  readonly atMs: number;
}

export class HeldReplies {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #held: (Held | undefined)[] = [];
  /** Everything before it has been dropped and is undefined; moving the rest for each drop would cost O(n) per record. */
  #head = 0;
  readonly #byId = new Map<string, ReceivedRecord>();
  #bytes = 0;

  /** Whichever bound is reached first drops the oldest. */
  constructor(clock: Clock, bounds: { maxAgeMs: number; maxRecords: number; maxBytes: number }) {
    this.#clock = clock;
    this.#maxAgeMs = bounds.maxAgeMs;
    this.#maxRecords = bounds.maxRecords;
    this.#maxBytes = bounds.maxBytes;
  }

  get size(): number {
    return this.#held.length - this.#head;
  }

  /** @param ids every id the record could be asked for by the rules known now */
  hold(record: ReceivedRecord, ids: readonly string[]): void {
    this.#held.push({ record, ids, atMs: this.#clock.now() });
    this.#bytes += costOf(record);
    // The first reply wins, also among those that came early.
    for (const id of ids) if (!this.#byId.has(id)) this.#byId.set(id, record);
    this.#dropOld();
  }

  find(id: string): ReceivedRecord | undefined {
    this.#dropOld();
    return this.#byId.get(id);
  }

  all(): ReceivedRecord[] {
    this.#dropOld();
    return this.#held.flatMap((held) => (held ? [held.record] : []));
  }

  clear(): void {
    this.#held = [];
    this.#head = 0;
    this.#byId.clear();
    this.#bytes = 0;
  }

  #dropOld(): void {
    const oldestMs = this.#clock.now() - this.#maxAgeMs;
    for (let next = this.#held[this.#head]; next; next = this.#held[++this.#head]) {
      const fits = this.size <= this.#maxRecords && this.#bytes <= this.#maxBytes;
      if (fits && next.atMs >= oldestMs) break;
      this.#bytes -= costOf(next.record);
      for (const id of next.ids) if (this.#byId.get(id) === next.record) this.#byId.delete(id);
      this.#held[this.#head] = undefined;
    }
    if (this.#head * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#head);
      this.#head = 0;
    }
  }
}
