/** The figures of a run as a table. */
import { markdown } from '../load/markdown';
import { CONTENDER_NAMES, type ContenderName } from './contenders';
import type { Measurement } from './measure';
import { median } from '../load/statistics';

const COLUMNS = [
  'in flight',
  'what',
  'req/s',
  'p50 ms',
  'p99 ms',
  'CPU µs/req',
  'RSS MB',
  '× floor',
  '× stock',
  'lost',
  'crossed',
];

/** Medians over the rounds; lost and crossed are totals. */
export function table(measurements: readonly Measurement[]): string {
  const rows = [...new Set(measurements.map((each) => each.inFlight))].flatMap((inFlight) => {
    const at = measurements.filter((each) => each.inFlight === inFlight);
    return CONTENDER_NAMES.filter((name) => at.some((each) => each.contender === name)).map((name) =>
      row(inFlight, name, at),
    );
  });
  return markdown([COLUMNS, ...rows]);
}

function row(inFlight: number, name: ContenderName, at: readonly Measurement[]): string[] {
  const own = at.filter((each) => each.contender === name);
  const middle = (of: (each: Measurement) => number) => median(own.map(of));
  const total = (of: (each: Measurement) => number) =>
    String(own.reduce((count, each) => count + of(each), 0));
  return [
    String(inFlight),
    name,
    middle((each) => each.perSecond).toFixed(0),
    middle((each) => each.p50Ms).toFixed(3),
    middle((each) => each.p99Ms).toFixed(2),
    middle((each) => each.cpuMicrosecondsPerRequest).toFixed(0),
    middle((each) => each.residentMegabytes).toFixed(0),
    ratio(own, at, 'floor'),
    ratio(own, at, 'stock'),
    total((each) => each.lost),
    total((each) => each.crossed),
  ];
}

/** Of the rates, round by round. */
function ratio(own: readonly Measurement[], at: readonly Measurement[], against: ContenderName): string {
  const ratios = own.flatMap((each) => {
    const other = at.find((candidate) => candidate.contender === against && candidate.round === each.round);
    return other === undefined ? [] : [each.perSecond / other.perSecond];
  });
  return ratios.length === 0 ? '–' : median(ratios).toFixed(2);
}
