/** Records in the order they came. Takes any number; whoever fills it knows the limits. */
import { costOf, type OutgoingRecord } from '../kafka/records';

export interface BufferedRecord {
  readonly record: OutgoingRecord;
  readonly costBytes: number;
}

export function buffered(record: OutgoingRecord): BufferedRecord {
  return { record, costBytes: costOf(record) };
}

/** So many empty places at the front are given back at once: a shift of a long array moves all of it. */
const COMPACT_AT = 1024;

export class RecordBuffer {
  #records: (BufferedRecord | undefined)[] = [];
  #head = 0;
  bytes = 0;

  get size(): number {
    return this.#records.length - this.#head;
  }

  get oldest(): BufferedRecord | undefined {
    return this.#records[this.#head];
  }

  push(buffered: BufferedRecord): void {
    this.#records.push(buffered);
    this.bytes += buffered.costBytes;
  }

  shift(): BufferedRecord | undefined {
    const oldest = this.oldest;
    if (oldest === undefined) return undefined;
    this.#records[this.#head++] = undefined;
    this.bytes -= oldest.costBytes;
    if (this.#head === this.#records.length || this.#head >= Math.max(COMPACT_AT, this.#records.length / 2)) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return oldest;
  }
}
