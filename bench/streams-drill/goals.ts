/** What a drill of streams must show. */
import type { Verdict } from '../load/verdict';
import type { StreamsDrillReport } from './run';

/** Of Kong's own streams: what was measured for a listener that does nothing else, and a third more. */
const MOST_KILOBYTES = { events: 24, socket: 27 };
const MOST_SLOWER = 1.3;

export function streamsDrillVerdicts(report: StreamsDrillReport): Verdict[] {
  const { alone, besideOthers, beside, wanted, opened, lost, kilobytesPerEvents, kilobytesPerSocket } =
    report;
  const ratio = beside.p99Ms / besideOthers.p99Ms;
  const failed = alone.failed + besideOthers.failed + beside.failed;
  return [
    { rule: 'every stream was opened', found: `${opened} of ${wanted}`, holds: opened === wanted },
    { rule: 'none of them ended or missed a reply', found: `${lost} did`, holds: lost === 0 },
    {
      rule: 'every plain request was answered',
      found: `${failed} were not`,
      holds: failed === 0,
    },
    {
      rule: `p99 of plain requests at most ${MOST_SLOWER} times that beside the same streams in another plugin server`,
      found: `${ratio.toFixed(2)} times`,
      holds: ratio <= MOST_SLOWER,
    },
    {
      rule: `at most ${MOST_KILOBYTES.events} KB for a stream of events`,
      found: `${kilobytesPerEvents.toFixed(1)} KB`,
      holds: kilobytesPerEvents <= MOST_KILOBYTES.events,
    },
    {
      rule: `at most ${MOST_KILOBYTES.socket} KB for a WebSocket`,
      found: `${kilobytesPerSocket.toFixed(1)} KB`,
      holds: kilobytesPerSocket <= MOST_KILOBYTES.socket,
    },
  ];
}
