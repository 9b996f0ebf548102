/** Replies by the id of their request, until they are too old, too many or too large together: the oldest go first. */
import type { Clock } from '../clock';
import { Fifo } from '../fifo';
import { costOf, type ReceivedRecord } from '../kafka/records';
import { keyPart } from './idempotency-key';

export interface KeepBounds {
  readonly ttlMs: number;
  readonly count: number;
  readonly bytes: number;
}

export const KEEP_NOTHING: KeepBounds = { ttlMs: 0, count: 0, bytes: 0 };

/** What several configurations want together. */
export function widest(bounds: Iterable<KeepBounds>): KeepBounds {
  let widest = KEEP_NOTHING;
  for (const { ttlMs, count, bytes } of bounds) {
    widest = {
      ttlMs: Math.max(widest.ttlMs, ttlMs),
      count: Math.max(widest.count, count),
      bytes: Math.max(widest.bytes, bytes),
    };
  }
  return widest;
}

interface Kept {
  readonly id: string;
  readonly record: ReceivedRecord;
  readonly atMs: number;
}

export class KeptReplies {
  readonly #clock: Clock;
  readonly #onDropped: (id: string, isOld: boolean) => void;
  #bounds = KEEP_NOTHING;
  readonly #byId = new Map<string, Kept>();
  /** The ids of those whose clients gave a key. */
  readonly #idByKey = new Map<string, string>();
  /** In the order in which they came. */
  readonly #order = new Fifo<Kept>();
  #bytes = 0;

  /** @param onDropped told of each that a bound has put out, and whether that was its age */
  constructor(clock: Clock, onDropped: (id: string, isOld: boolean) => void) {
    this.#clock = clock;
    this.#onDropped = onDropped;
  }

  get count(): number {
    return this.#byId.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  setBounds(bounds: KeepBounds): void {
    this.#bounds = bounds;
    this.dropOld();
  }

  /** The first reply to a request is the reply. */
  keep(id: string, record: ReceivedRecord): void {
    if (this.#byId.has(id) || this.#bounds.count === 0) return;
    const kept = { id, record, atMs: this.#clock.now() };
    this.#byId.set(id, kept);
    const key = keyPart(id);
    if (key !== undefined && !this.#idByKey.has(key)) this.#idByKey.set(key, id);
    this.#order.push(kept);
    this.#bytes += costOf(record);
    this.dropOld();
  }

  find(id: string): ReceivedRecord | undefined {
    this.dropOld();
    return this.#byId.get(id)?.record;
  }

  /** @param key see keyPart */
  idOfKey(key: string): string | undefined {
    this.dropOld();
    return this.#idByKey.get(key);
  }

  /** @returns false when it was not there */
  forget(id: string): boolean {
    const kept = this.#byId.get(id);
    if (kept === undefined) return false;
    this.#remove(kept);
    return true;
  }

  dropOld(): void {
    const oldestMs = this.#clock.now() - this.#bounds.ttlMs;
    for (let next = this.#order.first; next !== undefined; next = this.#order.drop()) {
      // Forgotten meanwhile, or even kept anew.
      if (this.#byId.get(next.id) !== next) continue;
      const isOld = next.atMs < oldestMs;
      if (!isOld && this.count <= this.#bounds.count && this.#bytes <= this.#bounds.bytes) break;
      this.#remove(next);
      this.#onDropped(next.id, isOld);
    }
  }

  #remove({ id, record }: Kept): void {
    this.#byId.delete(id);
    const key = keyPart(id);
    if (key !== undefined && this.#idByKey.get(key) === id) this.#idByKey.delete(key);
    this.#bytes -= costOf(record);
  }
}
