/**
 * Records that matched no wait, kept for a moment because the wait, or the rule that finds it, may come later:
 * the consumer half of a request runs after the producer half, and in Kong's stock server in another process.
 */
import type { Clock } from '../clock';
import { Fifo } from '../fifo';
import { costOf, type ReceivedRecord } from '../kafka/records';

export interface HeldReply<Kind> {
  readonly record: ReceivedRecord;
  /** Every id the record could be asked for by the rules known so far. */
  readonly ids: readonly string[];
  readonly atMs: number;
  /** What it was taken for when it came. */
  readonly countedAs: Kind;
}

interface Held<Kind> extends HeldReply<Kind> {
  /** In the order in which they came. */
  readonly number: number;
  ids: readonly string[];
  isGiven: boolean;
}

export class HeldReplies<Kind> {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  readonly #held = new Fifo<Held<Kind>>();
  /** Those that were not given away. */
  readonly #byId = new Map<string, Held<Kind>[]>();
  #lastNumber = 0;
  #bytes = 0;

  /** Whichever bound is reached first drops the oldest. */
  constructor(clock: Clock, bounds: { maxAgeMs: number; maxRecords: number; maxBytes: number }) {
    this.#clock = clock;
    this.#maxAgeMs = bounds.maxAgeMs;
    this.#maxRecords = bounds.maxRecords;
    this.#maxBytes = bounds.maxBytes;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @param ids see HeldReply */
  hold(record: ReceivedRecord, ids: readonly string[], countedAs: Kind): void {
    const number = ++this.#lastNumber;
    const held = { number, record, ids, atMs: this.#clock.now(), countedAs, isGiven: false };
    this.#held.push(held);
    this.#bytes += costOf(record);
    this.#index(held, ids);
    this.#dropOld();
  }

  /** From the oldest on. */
  list(): readonly HeldReply<Kind>[] {
    this.#dropOld();
    return this.#held.all();
  }

  find(id: string): HeldReply<Kind> | undefined {
    this.#dropOld();
    return this.#byId.get(id)?.[0];
  }

  /** All that could be asked for by one of these ids and were not given away, the oldest first. */
  allOf(ids: readonly string[]): readonly HeldReply<Kind>[] {
    this.#dropOld();
    const found = new Set(ids.flatMap((id) => this.#byId.get(id) ?? []));
    return [...found].sort((one, other) => one.number - other.number);
  }

  /** A reply is given away once, also where its id is used again. */
  forget(held: HeldReply<Kind>): void {
    (held as Held<Kind>).isGiven = true;
    this.#unindex(held as Held<Kind>);
  }

  /** There is one more rule: records can be asked for by what it finds, too. */
  alsoUnder(idsOf: (record: ReceivedRecord, countedAs: Kind) => readonly string[]): void {
    this.#dropOld();
    for (const held of this.#held.all()) {
      if (held.isGiven) continue;
      const more = idsOf(held.record, held.countedAs).filter((id) => !held.ids.includes(id));
      if (more.length === 0) continue;
      held.ids = [...held.ids, ...more];
      this.#index(held, more);
    }
  }

  clear(): void {
    this.#held.clear();
    this.#byId.clear();
    this.#bytes = 0;
  }

  /** The first reply wins, also among those that came early. */
  #index(added: Held<Kind>, ids: readonly string[]): void {
    for (const id of ids) {
      const held = this.#byId.get(id);
      if (held === undefined) this.#byId.set(id, [added]);
      else held.push(added);
    }
  }

  #unindex(gone: Held<Kind>): void {
    for (const id of gone.ids) {
      const held = this.#byId.get(id) ?? [];
      // As a rule; and the others need not be moved.
      if (held[0] === gone) held.shift();
      else if (held.includes(gone)) held.splice(held.indexOf(gone), 1);
      if (held.length === 0) this.#byId.delete(id);
    }
  }

  #dropOld(): void {
    const oldestMs = this.#clock.now() - this.#maxAgeMs;
    for (let next = this.#held.first; next; next = this.#held.drop()) {
      const fits = this.size <= this.#maxRecords && this.#bytes <= this.#maxBytes;
      if (fits && next.atMs >= oldestMs) break;
      this.#bytes -= costOf(next.record);
      if (!next.isGiven) this.#unindex(next);
    }
  }
}
