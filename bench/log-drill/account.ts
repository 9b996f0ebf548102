/**
 * What is in the topic, against what was sent. Each lane sends one entry after the other with growing numbers, so one
 * number for each lane tells whether something came twice or in another order.
 */

/** A number that is as long as a request id of Kong. */
export function entryId(lane: number, number: number): string {
  return lane.toString(16).padStart(8, '0') + number.toString(16).padStart(24, '0');
}

export class Account {
  /** Records in the topic. */
  found = 0;
  /** Records that came twice, or behind a later one of their lane. */
  outOfOrder = 0;
  readonly #last = new Map<number, number>();

  onRecord(value: Buffer): void {
    const at = value.indexOf('"id":"') + '"id":"'.length;
    const id = value.toString('latin1', at, at + 32);
    const lane = parseInt(id.slice(0, 8), 16);
    const number = parseInt(id.slice(8), 16);
    this.found++;
    if (number <= (this.#last.get(lane) ?? 0)) this.outOfOrder++;
    else this.#last.set(lane, number);
  }
}
