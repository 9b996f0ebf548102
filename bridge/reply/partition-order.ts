/**
 * Keeps records of one partition in their order where one of them cannot be read yet: what comes behind it waits for it, if
 * whoever wants it minds. Where everything can be read there is nothing here.
 */
import { costOf, type ReceivedRecord } from '../kafka/records';

/** A record that cannot be read yet, or one that waits for such a record. */
interface Place {
  readonly offset: number;
  isBlocked: boolean;
  cost: number;
  readonly actions: (() => void)[];
}

/** By offset. */
interface Line {
  places: Place[];
  /** Of the first that has not gone, which is a blocked one. */
  head: number;
}

/** Of those that wait. Beyond it they come as they can be read. */
const MOST_BYTES = 33_554_432;

export class PartitionOrder {
  /** By partition. */
  readonly #lines = new Map<number, Line>();
  readonly #blocked = new Map<ReceivedRecord, Place>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** False: nothing has to wait. */
  get isBusy(): boolean {
    return this.#blocked.size > 0;
  }

  /** From now on what comes behind this record waits for it, until `unblock`. */
  block(record: ReceivedRecord): void {
    this.#blocked.set(record, this.#place(record, true));
  }

  unblock(record: ReceivedRecord): void {
    const place = this.#blocked.get(record);
    if (place === undefined) return;
    this.#blocked.delete(record);
    place.isBlocked = false;
    this.#goOn(record.partition);
  }

  /**
   * Acts when nothing before this record is waited for any more.
   * @returns false, and it does not, where nothing is; and where too much waits
   */
  after(record: ReceivedRecord, action: () => void): boolean {
    const line = this.#lines.get(record.partition);
    if (line === undefined || line.places[line.head]!.offset >= record.offset) return false;
    const cost = costOf(record);
    if (this.#bytes + cost > this.#mostBytes) return false;
    const place = this.#blocked.get(record) ?? this.#place(record, false);
    place.actions.push(action);
    place.cost += cost;
    this.#bytes += cost;
    return true;
  }

  /** Nobody wants any of them. */
  clear(): void {
    this.#lines.clear();
    this.#blocked.clear();
    this.#bytes = 0;
  }

  #place({ partition, offset }: ReceivedRecord, isBlocked: boolean): Place {
    const place: Place = { offset, isBlocked, cost: 0, actions: [] };
    const line = this.#lines.get(partition) ?? { places: [], head: 0 };
    this.#lines.set(partition, line);
    const { places, head } = line;
    let at = places.length;
    while (at > head && places[at - 1]!.offset > offset) at--;
    if (at === places.length) places.push(place);
    else places.splice(at, 0, place);
    return place;
  }

  #goOn(partition: number): void {
    const line = this.#lines.get(partition);
    if (line === undefined) return;
    const first = line.head;
    while (line.places[line.head]?.isBlocked === false) line.head++;
    const free = line.places.slice(first, line.head);
    // An array moves all others for each that is taken from its beginning.
    if (line.head * 2 > line.places.length) {
      line.places = line.places.slice(line.head);
      line.head = 0;
    }
    if (line.places.length === 0) this.#lines.delete(partition);
    for (const { cost } of free) this.#bytes -= cost;
    for (const { actions } of free) for (const act of actions) act();
  }
}
