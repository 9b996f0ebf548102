/** How late the timers of this process are: what a request has to wait when something else keeps the event loop busy. */
import { readFileSync } from 'node:fs';
import { createHistogram } from 'node:perf_hooks';

export interface Stalls {
  readonly maxMs: number;
  readonly p99Ms: number;
  /** The longest without the time in which the thread could have run, but other programs had the cores. */
  readonly ownMaxMs: number;
}

const INTERVAL_MS = 10;

export class StallWatch {
  readonly #latenesses = createHistogram();
  readonly #timer: NodeJS.Timeout;
  #ownMaxMs = 0;
  #dueMs = performance.now() + INTERVAL_MS;
  #waitedMs = waitedForCoreMs();

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
      ownMaxMs: this.#ownMaxMs,
    };
  }

  #observe(): void {
    const nowMs = performance.now();
    const waitedMs = waitedForCoreMs();
    const lateMs = Math.max(nowMs - this.#dueMs, 0);
    this.#latenesses.record(Math.max(Math.round(lateMs * 1000), 1));
    this.#ownMaxMs = Math.max(this.#ownMaxMs, lateMs - (waitedMs - this.#waitedMs));
    this.#dueMs = nowMs + INTERVAL_MS;
    this.#waitedMs = waitedMs;
  }
}

/** Of the main thread, since the start: the second number of Linux's schedstat, in nanoseconds. 0 where there is none. */
function waitedForCoreMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
