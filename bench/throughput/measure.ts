/** One contender under one load: what its clients saw, and what its processes used. */
import type { LoadResult } from '../load/closed-loop';
import type { Contender, ContenderName } from './contenders';
import { busyMicroseconds, cpuMicroseconds, residentMegabytes } from '../load/process-usage';
import { sum } from '../load/statistics';

export interface Measurement extends LoadResult {
  readonly contender: ContenderName;
  readonly inFlight: number;
  /** From 1. */
  readonly round: number;
  readonly cpuMicrosecondsPerRequest: number;
  readonly residentMegabytes: number;
  /** Cores that programs outside the benchmark kept busy meanwhile. */
  readonly foreignCores: number;
}

export async function measure(
  contender: Contender,
  load: { inFlight: number; durationMs: number; round: number },
  /** Of everything that belongs to the benchmark. */
  ownProcessIds: readonly number[],
): Promise<Measurement> {
  const cpu = () => sum(contender.processIds.map(cpuMicroseconds));
  const foreign = () => busyMicroseconds() - sum(ownProcessIds.map(cpuMicroseconds));
  const cpuBefore = cpu();
  const foreignBefore = foreign();
  const beganMs = performance.now();
  const result = await contender.run({ inFlight: load.inFlight, durationMs: load.durationMs });
  return {
    ...result,
    contender: contender.name,
    inFlight: load.inFlight,
    round: load.round,
    cpuMicrosecondsPerRequest: (cpu() - cpuBefore) / Math.max(result.requests, 1),
    residentMegabytes: sum(contender.processIds.map(residentMegabytes)),
    // Ticks of 10 ms: a quiet machine may come out a little below zero.
    foreignCores: Math.max((foreign() - foreignBefore) / 1000 / (performance.now() - beganMs), 0),
  };
}
