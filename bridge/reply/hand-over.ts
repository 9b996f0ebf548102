/**
 * From the producer half of a request to its consumer half: two events of two plugins, one millisecond apart,
 * that share nothing but Kong's request id. A wait that nobody claims in time has no consumer behind it.
 */
import type { Clock } from '../clock';
import type { Deadline, DeadlineWheel } from './deadline-wheel';

export class HandOver<Exchange> {
  readonly #entries = new Map<string, { exchange: Exchange; deadline: Deadline }>();
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  readonly #onUnclaimed: (exchange: Exchange) => void;

  constructor(clock: Clock, wheel: DeadlineWheel, onUnclaimed: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#wheel = wheel;
    this.#onUnclaimed = onUnclaimed;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A second offer under one id is Kong running the event again: the newer one counts, the older is dropped. */
  offer(requestId: string, exchange: Exchange, withinMs: number): void {
    const older = this.claim(requestId);
    if (older !== undefined) this.#onUnclaimed(older);
    const deadline: Deadline = {
      deadlineAtMs: this.#clock.now() + withinMs,
      onDeadline: () => {
        this.#entries.delete(requestId);
        this.#onUnclaimed(exchange);
      },
    };
    this.#entries.set(requestId, { exchange, deadline });
    this.#wheel.add(deadline);
  }

  /** At most one caller gets an exchange. */
  claim(requestId: string): Exchange | undefined {
    const entry = this.#entries.get(requestId);
    if (!entry) return undefined;
    this.#entries.delete(requestId);
    this.#wheel.remove(entry.deadline);
    return entry.exchange;
  }
}
