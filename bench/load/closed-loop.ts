/** Closed-loop load: a fixed number of requests in flight, a new one for each that ends. */
import type { ClosedLoad, Exchanger, LoadResult } from './load';
import { Tally } from './tally';

export async function runClosedLoop(exchanger: Exchanger, load: ClosedLoad): Promise<LoadResult> {
  const { inFlight, durationMs } = load;
  const beganMs = performance.now();
  const endMs = beganMs + durationMs;
  return new Promise<LoadResult>((resolve) => {
    const finish = (): void => resolve(tally.result());
    const tally = new Tally(exchanger, beganMs, { durationMs, lateOnesCount: false, onGivenUp: finish });
    const next = (): void =>
      tally.send(performance.now(), (nowMs) => {
        if (nowMs < endMs) next();
        else if (tally.open === 0) finish();
      });
    for (let lane = 0; lane < inFlight; lane++) next();
  });
}
