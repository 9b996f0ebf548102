import type { Measurement } from '../../../bench/throughput/measure';

/** What one contender did in one round, without failures. */
export function measurement(
  contender: Measurement['contender'],
  inFlight: number,
  round: number,
  changes: Partial<Measurement> = {},
): Measurement {
  const seen = { requests: 2000, perSecond: 1000, p50Ms: 0.3, p99Ms: 2, lost: 0, crossed: 0 };
  const used = { cpuMicrosecondsPerRequest: 100, residentMegabytes: 50, foreignCores: 0 };
  return { contender, inFlight, round, ...seen, ...used, ...changes };
}
