/** Which records have been here, of the last so many: readers go back a little when they connect again. */

const MOST = 1024;

export class SeenRecords {
  readonly #seen = new Set<string>();
  /** A ring; a set finds its first key the slower the more were deleted before it. */
  readonly #order: string[] = [];
  #oldest = 0;

  /** @returns false for one that has been here */
  add({ partition, offset }: { readonly partition: number; readonly offset: number }): boolean {
    const key = `${partition}:${offset}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    const forgotten = this.#order[this.#oldest];
    if (forgotten !== undefined) this.#seen.delete(forgotten);
    this.#order[this.#oldest] = key;
    this.#oldest = (this.#oldest + 1) % MOST;
    return true;
  }

  get size(): number {
    return this.#seen.size;
  }
}
