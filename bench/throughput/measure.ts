/** One contender under one load: what its clients saw, and what the processes around it used. */
import type { Load, LoadResult } from '../load/load';
import { busyMicroseconds, cpuMicroseconds, residentMegabytes } from '../load/process-usage';
import { sum } from '../load/statistics';
import type { Contender } from './contenders';

/** Microseconds of CPU for each request that ended. */
export interface CpuPerRequest {
  readonly server: number;
  /** Undefined where the thing itself makes the load. */
  readonly driver: number | undefined;
  readonly broker: number;
  readonly responder: number;
}

/** Exactly one of the two is there. */
export interface Step {
  /** Of a closed loop. */
  readonly inFlight?: number;
  /** Of the rate that a closed loop reached in the same round. */
  readonly share?: number;
}

export interface Measurement extends LoadResult, Step {
  /** The label of the contender. */
  readonly contender: string;
  /** From 1. */
  readonly round: number;
  readonly cpu: CpuPerRequest;
  /** Of the server alone. */
  readonly residentMegabytes: number;
  /** Cores that programs outside the benchmark kept busy meanwhile. */
  readonly foreignCores: number;
}

/** Who else belongs to the benchmark. */
export interface Bystanders {
  readonly brokerIds: readonly number[];
  readonly responderIds: readonly number[];
  /** All of its processes, those of the contenders among them. */
  readonly processIds: readonly number[];
}

export async function measure(
  contender: Contender,
  load: Load,
  { brokerIds, responderIds, processIds }: Bystanders,
): Promise<Omit<Measurement, 'contender' | 'round' | keyof Step>> {
  const { processIds: serverIds, driverId } = contender;
  const used = {
    server: stopwatch(() => usedBy(serverIds)),
    driver: driverId === undefined ? undefined : stopwatch(() => cpuMicroseconds(driverId)),
    broker: stopwatch(() => usedBy(brokerIds)),
    responder: stopwatch(() => usedBy(responderIds)),
    others: stopwatch(() => busyMicroseconds() - usedBy(processIds)),
  };
  const beganMs = performance.now();
  const result = await contender.run(load);
  const requests = Math.max(result.ended, 1);
  return {
    ...result,
    cpu: {
      server: used.server() / requests,
      driver: used.driver && used.driver() / requests,
      broker: used.broker() / requests,
      responder: used.responder() / requests,
    },
    residentMegabytes: sum(serverIds.map(residentMegabytes)),
    // Ticks of 10 ms: a quiet machine may come out a little below zero.
    foreignCores: Math.max(used.others() / 1000 / (performance.now() - beganMs), 0),
  };
}

/** @returns by how much the figure has grown since */
function stopwatch(read: () => number): () => number {
  const before = read();
  return () => read() - before;
}

function usedBy(processIds: readonly number[]): number {
  return sum(processIds.map(cpuMicroseconds));
}
