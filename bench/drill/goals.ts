/** What the drill must show, at every single stop. */
import type { StopReport } from './outcome';
import type { DrillReport } from './run';
import type { Verdict } from '../load/verdict';

/** Once the outage is known, clients are refused and not held. */
const REFUSED_WITHIN_MS = 50;
const STEADY_WITHIN_MS = 2000;

export function drillVerdicts(report: DrillReport): Verdict[] {
  const count = report.stops.length;
  const every = (rule: string, holds: (stop: StopReport) => boolean): Verdict => {
    const held = report.stops.filter(holds).length;
    return { rule, found: `${held} of ${count} stops`, holds: held === count };
  };
  return [
    {
      rule: 'no request lost, crossed or left open',
      found: `${report.lost} lost, ${report.crossed} crossed, ${report.stillOpen} left open of ${report.sent}`,
      holds: report.lost === 0 && report.crossed === 0 && report.stillOpen === 0,
    },
    every(
      `once the outage is known, 503 within ${REFUSED_WITHIN_MS} ms (p99 while down)`,
      // A short outage may be over before anybody has noticed.
      ({ whileDown }) => whileDown.count === 0 || whileDown.p99Ms <= REFUSED_WITHIN_MS,
    ),
    every(
      `steady 200s within ${STEADY_WITHIN_MS / 1000} s after the broker serves`,
      ({ steadyMs }) => steadyMs !== undefined && steadyMs <= STEADY_WITHIN_MS,
    ),
  ];
}
