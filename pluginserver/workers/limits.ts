/** A node's limits, divided among its workers. How late an event loop may be is a limit of each as it is. */
import { shareOf, type Worker } from '../../common/worker';
import type { OverloadLimits } from '../overload';

export function dividedLimits(limits: OverloadLimits, worker: Worker): OverloadLimits {
  return {
    maxOpenEvents: shareOf(limits.maxOpenEvents, worker),
    maxBytesInFlight: shareOf(limits.maxBytesInFlight, worker),
    maxEventLoopLagMs: limits.maxEventLoopLagMs,
  };
}
