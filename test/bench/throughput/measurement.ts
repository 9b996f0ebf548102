import type { Measurement } from '../../../bench/throughput/measure';

const SEEN = { requests: 2000, ended: 2000, perSecond: 1000, p50Ms: 0.3, p99Ms: 2, lost: 0, crossed: 0 };
const USED = {
  cpu: { server: 100, driver: 20, broker: 40, responder: 30 },
  residentMegabytes: 50,
  foreignCores: 0,
};

/** What one contender did in one round of a closed loop, without failures. */
export function measurement(
  contender: string,
  inFlight: number,
  round: number,
  changes: Partial<Measurement> = {},
): Measurement {
  return { contender, inFlight, round, ...SEEN, ...USED, ...changes };
}

/** The same of an open loop. */
export function paced(
  contender: string,
  share: number,
  round: number,
  changes: Partial<Measurement> = {},
): Measurement {
  return { contender, share, round, ...SEEN, ...USED, ...changes };
}
