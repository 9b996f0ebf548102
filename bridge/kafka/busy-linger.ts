/**
 * While the process is busy, records wait a moment for company.
 *
 * A record that travels alone costs library, broker and responder some ten times what it costs among fifty. The
 * library's own `linger.ms` would delay the only request of an idle gateway as well, so this one depends on load:
 * none at all below `BUSY_FROM`, and above it less than what a request waits for its turn in a loop that busy.
 * Beginning at a fifth of the load has made it slower: too few records come within such a wait. Order is kept.
 */
import { systemClock, type Clock } from '../clock';

const BUSY_FROM = 0.5;
const LONGEST_MS = 10;
/** What a timer can do. */
const SHORTEST_MS = 1;

/** @param utilization of the event loop, 0 to 1 */
export function lingerMs(utilization: number): number {
  const lingerMs = ((utilization - BUSY_FROM) / (1 - BUSY_FROM)) * LONGEST_MS;
  return lingerMs < SHORTEST_MS ? 0 : lingerMs;
}

export class BusyLinger<Item> {
  readonly #send: (items: readonly Item[]) => void;
  readonly #utilization: () => number;
  readonly #clock: Clock;
  #waiting: Item[] = [];
  #cancelTimer: (() => void) | undefined;

  /** @param send gets what has waited, in order; must not throw */
  constructor(send: (items: readonly Item[]) => void, utilization: () => number, clock: Clock = systemClock) {
    this.#send = send;
    this.#utilization = utilization;
    this.#clock = clock;
  }

  /** False: there is no reason to wait, send it yourself. */
  takes(item: Item): boolean {
    if (this.#waiting.length === 0) {
      const delayMs = lingerMs(this.#utilization());
      if (delayMs === 0) return false;
      this.#cancelTimer = this.#clock.after(delayMs, () => this.flush());
    }
    this.#waiting.push(item);
    return true;
  }

  /** Sends now what waits. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#send(waiting);
  }
}
