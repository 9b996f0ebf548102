/** What a drill of the replay must show. */
import type { Verdict } from '../load/verdict';
import type { ReplayDrillReport } from './run';

export function replayDrillVerdicts(report: ReplayDrillReport): Verdict[] {
  const { requests, partitions, kills, carriedOut, dead, lost, both, repeated, otherKeys } = report;
  const mostRepeated = kills * partitions;
  return [
    {
      rule: 'each request was carried out, or is in the dead topic',
      found: `${carriedOut} + ${dead} of ${requests}, ${lost} lost`,
      holds: lost === 0 && carriedOut + dead - both === requests,
    },
    { rule: 'it was killed meanwhile', found: `${kills} times`, holds: kills > 0 },
    {
      rule: 'none came under another key than its own',
      found: `${otherKeys} requests`,
      holds: otherKeys === 0,
    },
    {
      rule: 'a kill repeats at most what was in flight, one for each partition',
      found: `${repeated} repetitions, at most ${mostRepeated}`,
      holds: repeated <= mostRepeated,
    },
    {
      // A last attempt that the service took, and the replay was killed before it knew.
      rule: 'carried out and dead as well: at most what was in flight',
      found: `${both} requests`,
      holds: both <= mostRepeated,
    },
  ];
}
