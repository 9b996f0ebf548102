/**
 * Replies by the id of their request, several each, until they are too old, too many or too large together: the oldest go
 * first. Of one that went before its time is remembered that it was there, so that its client can be told.
 */
import { bytesInFlight } from '../bytes-in-flight';
import type { Clock } from '../clock';
import { Fifo } from '../fifo';
import { costOf, type ReceivedRecord } from '../kafka/records';
import { placeIn } from '../reply/reply-place';
import { KEEP_NOTHING, type KeepBounds } from '../results/kept-replies';

export interface KeptStreamReply {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly atMs: number;
  /** Undefined: it was put out before its time. */
  record: ReceivedRecord | undefined;
  /** Of one that was put out: by the record headers that are asked for, where it has them. */
  places?: ReadonlyMap<string, number> | undefined;
}

/** Of those that were put out. Bounds memory: some 20 MB. */
const MOST_REMEMBERED = 100_000;

export class KeptStreamReplies {
  readonly #clock: Clock;
  readonly #mostRemembered: number;
  #bounds = KEEP_NOTHING;
  readonly #byId = new Map<string, KeptStreamReply[]>();
  /** Record headers with places that streams are told by. */
  readonly #placeHeaders = new Set<string>();
  /** In the order in which they came. */
  readonly #order = new Fifo<KeptStreamReply>();
  /** Of these, so many from the first on were put out. */
  #withoutRecord = 0;
  #bytes = 0;
  #forgottenAtMs = -Infinity;
  /** Put out by count or bytes before their time. */
  droppedEarly = 0;

  constructor(clock: Clock, mostRemembered = MOST_REMEMBERED) {
    this.#clock = clock;
    this.#mostRemembered = mostRemembered;
  }

  get count(): number {
    return this.#order.size - this.#withoutRecord;
  }

  get bytes(): number {
    return this.#bytes;
  }

  setBounds(bounds: KeepBounds): void {
    this.#bounds = bounds;
    this.dropOld();
  }

  /** @param header of whose places streams are told; not forgotten before all of this is */
  rememberPlaces(header: string): void {
    this.#placeHeaders.add(header);
  }

  /** @returns false for one that is there already */
  keep(id: string, record: ReceivedRecord): boolean {
    const { partition, offset } = record;
    const replies = this.#byId.get(id) ?? [];
    // What is read back comes after what came meanwhile.
    let at = replies.length;
    for (let before = at - 1; before >= 0; before--) {
      const other = replies[before]!;
      if (other.partition !== partition) continue;
      if (other.offset === offset) return false;
      if (other.offset < offset) break;
      at = before;
    }
    const kept = { id, partition, offset, atMs: this.#clock.now(), record };
    replies.splice(at, 0, kept);
    this.#byId.set(id, replies);
    this.#order.push(kept);
    this.#account(costOf(record));
    this.dropOld();
    return true;
  }

  /** In an order in which each partition has its own. */
  of(id: string): readonly KeptStreamReply[] {
    this.dropOld();
    return this.#byId.get(id) ?? [];
  }

  /** True where replies since then may have been here of which nothing is known. */
  hasForgotten(sinceMs: number): boolean {
    return this.#forgottenAtMs >= sinceMs;
  }

  dropOld(): void {
    const oldestMs = this.#clock.now() - this.#bounds.ttlMs;
    for (let first = this.#order.first; first && first.atMs < oldestMs; first = this.#order.first)
      this.#forget(first);
    while (this.count > this.#bounds.count || this.#bytes > this.#bounds.bytes) {
      this.droppedEarly++;
      this.#putOut(this.#order.at(this.#withoutRecord++)!);
    }
    while (this.#withoutRecord > this.#mostRemembered) {
      const first = this.#order.first!;
      this.#forgottenAtMs = first.atMs;
      this.#forget(first);
    }
  }

  clear(): void {
    this.#byId.clear();
    this.#order.clear();
    this.#withoutRecord = 0;
    this.#account(-this.#bytes);
  }

  #forget(first: KeptStreamReply): void {
    this.#order.drop();
    this.#putOut(first);
    if (this.#withoutRecord > 0) this.#withoutRecord--;
    const replies = this.#byId.get(first.id) ?? [];
    // Almost always; and the others need not be moved.
    if (replies[0] === first) replies.shift();
    else replies.splice(replies.indexOf(first), 1);
    if (replies.length === 0) this.#byId.delete(first.id);
  }

  #putOut(kept: KeptStreamReply): void {
    if (kept.record === undefined) return;
    this.#account(-costOf(kept.record));
    if (this.#placeHeaders.size > 0) kept.places = this.#placesOf(kept.record);
    kept.record = undefined;
  }

  #placesOf(record: ReceivedRecord): ReadonlyMap<string, number> | undefined {
    const places = new Map<string, number>();
    for (const header of this.#placeHeaders) {
      const place = placeIn(record, header);
      if (place !== undefined) places.set(header, place);
    }
    return places.size > 0 ? places : undefined;
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    bytesInFlight.add(bytes);
  }
}
