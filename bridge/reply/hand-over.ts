/**
 * From the producer half of a request to its consumer half: two events of two plugins, one millisecond apart,
 * that share nothing but Kong's request id. A wait that nobody claims in time has no consumer behind it.
 */
import type { Clock } from '../clock';
import type { Deadline, DeadlineWheel } from './deadline-wheel';

class Offer<Exchange> implements Deadline {
  before: Deadline['before'];
  after: Deadline['after'];

  constructor(
    readonly requestId: string,
    readonly exchange: Exchange,
    readonly deadlineAtMs: number,
    private readonly handOver: HandOver<Exchange>,
  ) {}

  onDeadline(): void {
    this.handOver.giveUp(this);
  }
}

export class HandOver<Exchange> {
  readonly #offers = new Map<string, Offer<Exchange>>();
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  readonly #onUnclaimed: (exchange: Exchange) => void;

  constructor(clock: Clock, wheel: DeadlineWheel, onUnclaimed: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#wheel = wheel;
    this.#onUnclaimed = onUnclaimed;
  }

  get size(): number {
    return this.#offers.size;
  }

  /** A second offer under one id is Kong running the event again: the newer one counts, the older is dropped. */
  offer(requestId: string, exchange: Exchange, withinMs: number): void {
    const older = this.claim(requestId);
    if (older !== undefined) this.#onUnclaimed(older);
    const offer = new Offer(requestId, exchange, this.#clock.now() + withinMs, this);
    this.#offers.set(requestId, offer);
    this.#wheel.add(offer);
  }

  /** At most one caller gets an exchange. */
  claim(requestId: string): Exchange | undefined {
    const offer = this.#offers.get(requestId);
    if (!offer) return undefined;
    this.#offers.delete(requestId);
    this.#wheel.remove(offer);
    return offer.exchange;
  }

  /** For the offers themselves: nobody has come in time. */
  giveUp({ requestId, exchange }: Offer<Exchange>): void {
    this.#offers.delete(requestId);
    this.#onUnclaimed(exchange);
  }
}
