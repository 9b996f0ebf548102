/**
 * Ids of waits that have ended, for a while: they tell a late or second reply from another gateway's, and keep a
 * client that chooses its own id from using one again while replies to its first use may still come.
 */

export interface EndedWait {
  readonly endedAtMs: number;
  readonly how: 'answered' | 'failed';
}

/** Bounds memory, not time: some 20 MB. At 1000 requests per second and the default timeout 10,000 are kept. */
const MOST = 100_000;

export class EndedWaits {
  /** In the order in which they ended. */
  readonly #waits = new Map<string, EndedWait & { readonly untilMs: number }>();
  readonly #most: number;

  constructor(most = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#waits.size;
  }

  /** Kept until then, unless so many end that the oldest have to go. */
  remember(id: string, wait: EndedWait, untilMs: number): void {
    // Set anew at the end of the order.
    this.#waits.delete(id);
    this.#waits.set(id, { ...wait, untilMs });
    this.#forget(wait.endedAtMs);
  }

  find(id: string, nowMs: number): EndedWait | undefined {
    const wait = this.#waits.get(id);
    return wait !== undefined && wait.untilMs > nowMs ? wait : undefined;
  }

  clear(): void {
    this.#waits.clear();
  }

  /** From the front only: where timeouts differ some stay longer than they have to, which hurts nobody. */
  #forget(nowMs: number): void {
    for (const [id, { untilMs }] of this.#waits) {
      if (untilMs > nowMs && this.#waits.size <= this.#most) return;
      this.#waits.delete(id);
    }
  }
}
