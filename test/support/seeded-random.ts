/** Random test data that is the same in every run, so that a failure can be repeated. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Up to `most` items. */
  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** Up to `most` bytes: any, or mostly printable ones, as data in the wild is. */
  bytes(most: number): Buffer {
    const printable = this.chance(0.5);
    const byte = () => (printable && this.chance(0.98) ? 0x20 + this.below(95) : this.below(256));
    return Buffer.from(Array.from({ length: this.below(most + 1) }, byte));
  }

  /** A linear congruential generator, with the multiplier of Numerical Recipes. */
  #next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
