/**
 * When a worker that has ended is started again. One that has served for a while is at once: each second without it is a
 * core that is not used. One that ends right after its start, again and again, would only cost the others their time.
 */

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 30_000;
/** Who serves for so long is no part of a loop. */
const STABLE_AFTER_MS = 5000;
const LOOP_AFTER = 5;

export class Restarts {
  #count = 0;
  #shortLives = 0;

  /** Since the primary began. */
  get count(): number {
    return this.#count;
  }

  /** It ends as fast as it is started. */
  get isLooping(): boolean {
    return this.#shortLives >= LOOP_AFTER;
  }

  /**
   * @param servedMs how long it has served; 0: it never has
   * @returns after how long to start the next one
   */
  ended(servedMs: number): number {
    this.#count++;
    this.#shortLives = servedMs >= STABLE_AFTER_MS ? 0 : this.#shortLives + 1;
    return Math.min(FIRST_DELAY_MS * 2 ** Math.max(this.#shortLives - 1, 0), MAX_DELAY_MS);
  }

  /** True once, when it was in a loop and has served for long enough. */
  becameStable(servedMs: number): boolean {
    if (!this.isLooping || servedMs < STABLE_AFTER_MS) return false;
    this.#shortLives = 0;
    return true;
  }
}
