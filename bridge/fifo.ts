/**
 * First in, first out. To drop the first costs the same however many there are: an array moves the others, and a map or a
 * set finds its first the slower the more were deleted before it.
 */
export class Fifo<T extends object | string> {
  #items: (T | undefined)[] = [];
  /** Everything before it is dropped, and is undefined. */
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** @param place from 0, the first */
  at(place: number): T | undefined {
    return place < 0 ? undefined : this.#items[this.#head + place];
  }

  /** From the first on. */
  all(): T[] {
    return this.#items.slice(this.#head) as T[];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Drops the first. @returns the one that is first now */
  drop(): T | undefined {
    if (this.size > 0) this.#items[this.#head++] = undefined;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return this.first;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
