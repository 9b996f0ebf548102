/**
 * How late the event loop is: a timer that should run every 100 ms says by how much it was missed. That is how long
 * whatever comes in now has to wait before anybody looks at it.
 */

export const SAMPLE_MS = 100;

/** Calls back with each sample, in milliseconds. Returns what stops it. It does not keep the process alive. */
export function watchEventLoop(
  onSample: (lagMs: number) => void,
  nowMs: () => number = () => performance.now(),
): () => void {
  let expectedAtMs = nowMs() + SAMPLE_MS;
  const timer = setInterval(() => {
    const sampledAtMs = nowMs();
    onSample(Math.max(0, sampledAtMs - expectedAtMs));
    expectedAtMs = sampledAtMs + SAMPLE_MS;
  }, SAMPLE_MS);
  timer.unref();
  return () => clearInterval(timer);
}
