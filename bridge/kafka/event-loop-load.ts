/** How busy this process's event loop has been lately. Costs two clock reads when asked, and nothing in between. */
import { performance } from 'node:perf_hooks';

/** Long enough that one slow callback is not taken for load, short enough to follow a burst. */
const SAMPLE_MS = 50;

export class EventLoopLoad {
  #sampledAtMs = performance.now();
  #since = performance.eventLoopUtilization();
  #utilization = 0;

  /** Share of time spent in callbacks, 0 to 1. A gap in which nobody asked counts as it was: mostly idle. */
  get utilization(): number {
    const nowMs = performance.now();
    if (nowMs - this.#sampledAtMs >= SAMPLE_MS) {
      const current = performance.eventLoopUtilization();
      this.#utilization = performance.eventLoopUtilization(current, this.#since).utilization;
      this.#since = current;
      this.#sampledAtMs = nowMs;
    }
    return this.#utilization;
  }
}
