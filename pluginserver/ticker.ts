/**
 * The one timer of the process. Events carry the number of the tick in which they began and last wrote, so that
 * thousands of waiting requests need no timers, and no clock is read for a call.
 */

export const TICK_MS = 5000;
/** A tick may be nearly over when an event writes, so the silence is at most 20 s, of the 60 s Kong allows. */
export const HEARTBEAT_TICKS = 4;
/** Ten minutes: twice the longest wait a plugin can be configured for. */
export const MAX_EVENT_TICKS = 120;

/** Returns what stops it. It does not keep the process alive. */
export function startTicker(ticking: readonly { onTick(): void }[], tickMs: number = TICK_MS): () => void {
  const timer = setInterval(() => {
    for (const each of ticking) each.onTick();
  }, tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
