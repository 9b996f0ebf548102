/** The last event of each key, until it is too old, or they are too many or too large together. */
import type { Clock } from '../clock';
import { Fifo } from '../fifo';
import { costOf, type ReceivedRecord } from '../kafka/records';
import type { KeepBounds } from '../results/kept-replies';

export interface LastEvent {
  readonly key: string;
  readonly record: ReceivedRecord;
  /** When it was written, on our clock. */
  readonly atMs: number;
}

export class LastEvents {
  readonly #clock: Clock;
  #bounds: KeepBounds;
  readonly #byKey = new Map<string, LastEvent>();
  /** In the order in which they were told. */
  readonly #order = new Fifo<LastEvent>();
  #bytes = 0;

  constructor(clock: Clock, bounds: KeepBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  setBounds(bounds: KeepBounds): void {
    this.#bounds = bounds;
    this.dropOld();
  }

  /** @param ageMs of an event that is read back */
  remember(key: string, record: ReceivedRecord, ageMs: number): void {
    const before = this.#byKey.get(key);
    if (before !== undefined) {
      // Read back after what came live.
      if (before.record.partition === record.partition && before.record.offset > record.offset) return;
      this.#remove(before);
    }
    const event = { key, record, atMs: this.#clock.now() - ageMs };
    this.#byKey.set(key, event);
    this.#order.push(event);
    this.#bytes += costOf(record);
    this.dropOld();
  }

  find(key: string): LastEvent | undefined {
    this.dropOld();
    return this.#byKey.get(key);
  }

  dropOld(): void {
    const { ttlMs, count, bytes } = this.#bounds;
    const oldestMs = this.#clock.now() - ttlMs;
    for (let next = this.#order.first; next !== undefined; next = this.#order.drop()) {
      // A later event has taken its place.
      if (this.#byKey.get(next.key) !== next) continue;
      if (next.atMs >= oldestMs && this.count <= count && this.#bytes <= bytes) break;
      this.#remove(next);
    }
  }

  #remove({ key, record }: LastEvent): void {
    this.#byKey.delete(key);
    this.#bytes -= costOf(record);
  }
}
