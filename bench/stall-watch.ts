/** How late the timers of this process are: what a request has to wait when something else keeps the event loop busy. */
import { createHistogram } from 'node:perf_hooks';

export interface Stalls {
  readonly maxMs: number;
  readonly p99Ms: number;
  /** Second since 1970 -> the longest stall that ended in it; short ones are left out. */
  readonly longest: Readonly<Record<string, number>>;
}

const INTERVAL_MS = 10;
const WORTH_TELLING_MS = 50;

export class StallWatch {
  readonly #latenesses = createHistogram();
  readonly #longest: Record<string, number> = {};
  readonly #timer: NodeJS.Timeout;
  #dueMs = performance.now() + INTERVAL_MS;

  constructor() {
    this.#timer = setInterval(() => this.#observe(), INTERVAL_MS);
    // It watches the process and must not keep it alive.
    this.#timer.unref();
  }

  stop(): Stalls {
    clearInterval(this.#timer);
    const { max, count } = this.#latenesses;
    return {
      maxMs: count === 0 ? 0 : max / 1000,
      p99Ms: count === 0 ? 0 : this.#latenesses.percentile(99) / 1000,
      longest: this.#longest,
    };
  }

  #observe(): void {
    const nowMs = performance.now();
    const lateMs = Math.max(nowMs - this.#dueMs, 0);
    this.#dueMs = nowMs + INTERVAL_MS;
    this.#latenesses.record(Math.max(Math.round(lateMs * 1000), 1));
    if (lateMs < WORTH_TELLING_MS) return;
    const second = String(Math.floor(Date.now() / 1000));
    this.#longest[second] = Math.max(this.#longest[second] ?? 0, lateMs);
  }
}

/**
 * The longest stall that the machine does not explain: a bare process beside the watched one that stalls in the same
 * second, or in the one next to it, was kept from running by the same neighbours.
 */
export function longestOwnStallMs(watched: Stalls, bare: Stalls): number {
  const own = Object.entries(watched.longest).map(([second, stallMs]) => {
    const around = [-1, 0, 1].map((offset) => bare.longest[String(Number(second) + offset)] ?? 0);
    return stallMs - Math.max(...around);
  });
  return own.length === 0 ? watched.maxMs : Math.max(...own, 0);
}
