/** Time as the waiting code sees it, so that tests can move it. */
export interface Clock {
  /** Monotonic milliseconds: a wall-clock jump must not time everything out. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. Must not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
