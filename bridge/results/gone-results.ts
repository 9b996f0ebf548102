/** Ids of replies that were there and are not any more: let go of by their client, or put out by a bound before their time. */
import type { Clock } from '../clock';
import { GatewayError } from '../errors';
import { Fifo } from '../fifo';

/** Bounds memory: some 10 MB. */
const MOST = 100_000;

export function goneResult(): GatewayError {
  return new GatewayError('result_gone', 'it was deleted, or newer ones took its place');
}

export class GoneResults {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #untilMs = new Map<string, number>();
  readonly #order = new Fifo<string>();

  constructor(clock: Clock, most = MOST) {
    this.#clock = clock;
    this.#most = most;
  }

  add(id: string, forMs: number): void {
    if (!this.#untilMs.has(id)) this.#order.push(id);
    this.#untilMs.set(id, this.#clock.now() + forMs);
    this.#dropOld();
  }

  has(id: string): boolean {
    const untilMs = this.#untilMs.get(id);
    return untilMs !== undefined && untilMs > this.#clock.now();
  }

  #dropOld(): void {
    const nowMs = this.#clock.now();
    for (let id = this.#order.first; id !== undefined; id = this.#order.drop()) {
      const untilMs = this.#untilMs.get(id) ?? 0;
      if (untilMs > nowMs && this.#untilMs.size <= this.#most) break;
      this.#untilMs.delete(id);
    }
  }
}
