/**
 * Open-loop load: requests at even distances, however long the earlier ones take. A latency counts from the moment at
 * which the request was meant to start: one that had to wait behind a stall, in the driver too, has waited.
 */
import type { Exchanger, LoadResult, PacedLoad } from './load';
import { LAST_ANSWERS_MS, Tally } from './tally';
import { tickEvery, type StartTicking } from './ticker';

/** Finer than any latency here, and coarse enough for a thread that shares the cores with what is measured. */
const FINEST_TICK_MS = 0.25;

export async function runPacedLoop(
  exchanger: Exchanger,
  load: PacedLoad,
  startTicking: StartTicking = tickEvery,
): Promise<LoadResult> {
  const { perSecond, durationMs, rampMs = 0 } = load;
  const distanceMs = 1000 / perSecond;
  const total = Math.max(Math.floor((rampMs + durationMs) / distanceMs), 1);
  const beganMs = performance.now();
  return new Promise<LoadResult>((resolve) => {
    const finish = (): void => {
      stopTicking();
      resolve(tally.result());
    };
    const tally = new Tally(exchanger, beganMs + rampMs, {
      durationMs,
      lastAnswersMs: rampMs + LAST_ANSWERS_MS,
      lateOnesCount: true,
      onGivenUp: finish,
    });
    let sent = 0;
    const onEnd = (): void => {
      if (sent === total && tally.open === 0) finish();
    };
    const sendDue = (): void => {
      const nowMs = performance.now();
      for (let dueMs = beganMs + sent * distanceMs; sent < total && dueMs <= nowMs; dueMs += distanceMs) {
        sent++;
        tally.send(dueMs, onEnd);
      }
      if (sent === total) stopTicking();
    };
    const stopTicking = startTicking(Math.max(distanceMs, FINEST_TICK_MS), sendDue);
  });
}
