/**
 * Ids of waits that have ended, for a while: they tell a late or second reply from another gateway's, and keep a
 * client that chooses its own id from using one again while replies to its first use may still come.
 */
import { Fifo } from '../fifo';

export interface EndedWait<Owner> {
  readonly owner: Owner;
  readonly endedAtMs: number;
  /** `accepted`: its client was told to ask for the reply later. */
  readonly how: 'answered' | 'failed' | 'accepted';
  /** Kept until then, unless so many end that the oldest have to go. */
  readonly untilMs: number;
}

/** Of one topic. Bounds memory, not time: some 20 MB. At 1000 requests per second and the default timeout 10,000 are kept. */
const MOST = 100_000;

interface Remembered<Owner> extends EndedWait<Owner> {
  readonly id: string;
}

export class EndedWaits<Owner> {
  readonly #waits = new Map<string, EndedWait<Owner>>();
  /** In the order in which they ended. */
  readonly #order = new Fifo<Remembered<Owner>>();
  readonly #most: number;

  constructor(most = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#waits.size;
  }

  remember(wait: Remembered<Owner>): void {
    this.#waits.set(wait.id, wait);
    this.#order.push(wait);
    this.#forget(wait.endedAtMs);
  }

  find(id: string, nowMs: number): EndedWait<Owner> | undefined {
    const wait = this.#waits.get(id);
    return wait !== undefined && wait.untilMs > nowMs ? wait : undefined;
  }

  /** From the front only: where timeouts differ some stay longer than they have to, which hurts nobody. */
  #forget(nowMs: number): void {
    for (let oldest = this.#order.first; oldest; oldest = this.#order.drop()) {
      if (oldest.untilMs > nowMs && this.#order.size <= this.#most) break;
      // Its id may have ended again since.
      if (this.#waits.get(oldest.id) === oldest) this.#waits.delete(oldest.id);
    }
  }
}
