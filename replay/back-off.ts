/**
 * How long a service is left alone after it has failed: twice as long each time, with jitter so that its callers do not
 * come back together; a success forgets everything. Shared by all requests to the service.
 */
import type { Clock } from '../bridge/clock';

export interface BackOffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
}

export class BackOff {
  readonly #clock: Clock;
  readonly #options: BackOffOptions;
  readonly #random: () => number;
  readonly #services = new Map<string, { failures: number; untilMs: number }>();

  /** @param random 0 to 1 */
  constructor(clock: Clock, options: BackOffOptions, random: () => number = Math.random) {
    this.#clock = clock;
    this.#options = options;
    this.#random = random;
  }

  succeeded(service: string): void {
    this.#services.delete(service);
  }

  failed(service: string): void {
    const failures = (this.#services.get(service)?.failures ?? 0) + 1;
    const { firstMs, longestMs } = this.#options;
    const wholeMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
    // Half of it for sure.
    const waitMs = wholeMs / 2 + (wholeMs / 2) * this.#random();
    this.#services.set(service, { failures, untilMs: this.#clock.now() + waitMs });
  }

  /** Milliseconds until the service may be asked again. */
  waitMs(service: string): number {
    return Math.max(0, (this.#services.get(service)?.untilMs ?? 0) - this.#clock.now());
  }
}
