/** What must be true after upgrades and killed workers. */
import type { Outcome } from '../load/open-loop';
import { ascending, percentile } from '../load/statistics';
import type { Verdict } from '../load/verdict';
import type { DrillPart, WorkerDrillReport } from './run';

/** Those that a worker had when it was killed end at once. */
const AT_ONCE_MS = 2000;
/** Above it requests queue up for the machine. */
const CARRIED_MS = 2000;

export function workerDrillVerdicts({ before, upgrades, kills, records }: WorkerDrillReport): Verdict[] {
  const p99Ms = percentile(tookMs(before), 0.99);
  const failedBefore = before.outcomes.filter(({ status }) => status !== 200);
  const failedInUpgrades = upgrades.outcomes.filter(({ status }) => status !== 200);
  const failedInKills = kills.outcomes.filter(({ status }) => status !== 200);
  const unexplained = failedInKills.filter((outcome) => !isOfKilled(outcome, kills));
  const all = [...upgrades.outcomes, ...kills.outcomes];
  const twice = [...records.values()].filter((count) => count > 1).length;
  const none = (rule: string, found: readonly unknown[] | number): Verdict => {
    const count = typeof found === 'number' ? found : found.length;
    return { rule, found: `${count} of ${all.length}`, holds: count === 0 };
  };
  return [
    {
      rule: 'the machine carries the load (else nothing below says anything: --rate)',
      found: `${failedBefore.length} of ${before.outcomes.length} lost before the first upgrade, p99 ${p99Ms.toFixed(0)} ms`,
      holds: failedBefore.length === 0 && p99Ms <= CARRIED_MS,
    },
    none('no request is lost in an upgrade', failedInUpgrades),
    none('only requests of the killed worker end, all with 5xx and at once', unexplained),
    none(
      'no crossed answer',
      all.filter(({ crossed }) => crossed),
    ),
    none('no request produced twice', twice),
    none(
      'no request answered with 200 that was never produced',
      all.filter(({ status, nonce }) => status === 200 && !records.has(nonce ?? '')),
    ),
    none('nothing left open', upgrades.stillOpen + kills.stillOpen),
  ];
}

/** Of each request, ascending. */
export function tookMs({ outcomes }: Pick<DrillPart, 'outcomes'>): Float64Array {
  return ascending(outcomes.map(({ sentMs, endedMs = sentMs }) => endedMs - sentMs));
}

function isOfKilled({ status = 0, sentMs, endedMs = Infinity }: Outcome, { atMs }: DrillPart): boolean {
  return (
    status >= 500 &&
    atMs.some((killedMs) => sentMs <= killedMs + AT_ONCE_MS && endedMs >= killedMs) &&
    atMs.some((killedMs) => endedMs >= killedMs && endedMs - killedMs <= AT_ONCE_MS)
  );
}
