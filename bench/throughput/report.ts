/** The figures of a run as tables: what clients saw, and what a request costs. */
import { markdown } from '../load/markdown';
import { median, sum } from '../load/statistics';
import type { EventTraffic } from '../load/traffic';
import { CONTENDER_NAMES } from './contenders';
import type { Measurement } from './measure';
import { isSameStep, RATE, ratiosOf, stepName, stepsOf } from './ratios';

/** What clients saw. Medians over the rounds; lost and crossed are totals. */
export function rateTable(measurements: readonly Measurement[]): string {
  const head = [
    'load',
    'what',
    'req/s',
    'p50 ms',
    'p99 ms',
    '× floor',
    '× stock',
    '× server',
    'lost',
    'crossed',
  ];
  return table(measurements, head, (own) => {
    const [first] = own;
    const ratio = (theirs: string): string => {
      // Each gets a share of its own rate.
      if (first?.inFlight === undefined) return NOTHING;
      const ratios = ratiosOf(measurements, { ours: first.contender, theirs, step: first, metric: RATE });
      return ratios.length === 0 ? NOTHING : median(ratios).toFixed(2);
    };
    return [
      middle(own, ({ perSecond }) => perSecond),
      middle(own, ({ p50Ms }) => p50Ms, 3),
      middle(own, ({ p99Ms }) => p99Ms, 2),
      ratio('floor'),
      ratio('stock'),
      ratio('server'),
      String(sum(own.map(({ lost }) => lost))),
      String(sum(own.map(({ crossed }) => crossed))),
    ];
  });
}

/** What one request costs, also those that were answered after the time was up. Medians over the rounds. */
export function costTable(measurements: readonly Measurement[]): string {
  const head = [
    'load',
    'what',
    'calls',
    'B from Kong',
    'B to Kong',
    'server µs',
    'driver µs',
    'broker µs',
    'responder µs',
    'all µs',
    'RSS MB',
  ];
  return table(measurements, head, (own) => [
    middle(own, (each) => trafficPerRequest(each, ({ calls }) => calls), 1),
    middle(own, (each) => trafficPerRequest(each, ({ bytesSent }) => bytesSent)),
    middle(own, (each) => trafficPerRequest(each, ({ bytesReceived }) => bytesReceived)),
    middle(own, ({ cpu }) => cpu.server),
    middle(own, ({ cpu }) => cpu.driver),
    middle(own, ({ cpu }) => cpu.broker),
    middle(own, ({ cpu }) => cpu.responder),
    middle(own, ({ cpu }) => cpu.server + (cpu.driver ?? 0) + cpu.broker + cpu.responder),
    middle(own, (each) => each.residentMegabytes),
  ]);
}

/** Of all its events; undefined of what does not speak Kong's protocol. */
export function trafficPerRequest(
  { traffic, ended }: Measurement,
  of: (traffic: EventTraffic) => number,
): number | undefined {
  return traffic && sum(Object.values(traffic).map(of)) / Math.max(ended, 1);
}

const NOTHING = '–';

/** A row for every contender under every load. */
function table(
  measurements: readonly Measurement[],
  head: readonly string[],
  row: (own: readonly Measurement[]) => readonly string[],
): string {
  const labels = [...new Set(measurements.map(({ contender }) => contender))].sort(
    (a, b) => place(a) - place(b),
  );
  const rows = stepsOf(measurements).flatMap((step) =>
    labels.flatMap((label) => {
      const own = measurements.filter((each) => each.contender === label && isSameStep(each, step));
      return own.length === 0 ? [] : [[stepName(step), label, ...row(own)]];
    }),
  );
  return markdown([head, ...rows]);
}

/** Those of another build come last. */
function place(label: string): number {
  const index = (CONTENDER_NAMES as readonly string[]).indexOf(label);
  return index < 0 ? CONTENDER_NAMES.length : index;
}

function middle(
  own: readonly Measurement[],
  of: (each: Measurement) => number | undefined,
  digits = 0,
): string {
  const values = own.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? NOTHING : median(values).toFixed(digits);
}
