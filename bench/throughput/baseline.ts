/**
 * The ratios that a change must not make worse. Times tell about the machine; a ratio of two contenders that take turns
 * on it tells about the code, within a spread that every run measures itself.
 */
import type { Verdict } from '../load/verdict';
import type { Measurement } from './measure';
import { RATE, ratiosOf, SERVER_CPU, spreadOf, spreadText, type Metric, type Spread } from './ratios';
import { trafficPerRequest } from './report';

export interface Baseline {
  /** About the machine, the versions and the run. */
  readonly measuredOn: readonly string[];
  readonly ratios: Readonly<Record<string, Spread>>;
}

/** What one run has found. */
export interface Held {
  readonly name: string;
  /** Whose code it is about. */
  readonly contender: string;
  readonly better: Metric['better'];
  /** One for each round. */
  readonly values: readonly number[];
}

/** Plugin servers of ours. */
const OURS = ['server', 'one-event'];

/** Whose, against whom, in what. */
const RATIOS: readonly { readonly ours: string; readonly theirs: string; readonly metric: Metric }[] = [
  ...OURS.flatMap((ours) => [
    { ours, theirs: 'floor', metric: RATE },
    { ours, theirs: 'stock', metric: RATE },
    { ours, theirs: 'floor', metric: SERVER_CPU },
  ]),
  { ours: 'one-event', theirs: 'server', metric: RATE },
];

/** All that can be made of these measurements, by level of the closed loops. */
export function heldBy(measurements: readonly Measurement[]): Held[] {
  const levels = [...new Set(measurements.map(({ inFlight }) => inFlight))].filter(
    (one) => one !== undefined,
  );
  const ratios = levels.flatMap((inFlight) =>
    RATIOS.map(({ ours, theirs, metric }): Held => {
      const values = ratiosOf(measurements, { ours, theirs, step: { inFlight }, metric });
      return {
        name: `${inFlight} in flight: ${metric.name} of ${ours} × ${theirs}`,
        contender: ours,
        better: metric.better,
        values,
      };
    }),
  );
  // No time either, and the same on every machine.
  const calls = OURS.map((ours): Held => ({
    name: `calls to Kong per request of ${ours}`,
    contender: ours,
    better: 'less',
    values: measurements
      .filter(({ contender }) => contender === ours)
      .map((each) => trafficPerRequest(each, (traffic) => traffic.calls))
      .filter((value) => value !== undefined),
  }));
  return [...ratios, ...calls].filter(({ values }) => values.length > 0);
}

/** Contenders that were measured, and of which the baseline holds nothing: whatever they are, they pass. */
export function unknownTo({ ratios }: Baseline, held: readonly Held[]): string[] {
  const contenders = [...new Set(held.map(({ contender }) => contender))];
  return contenders.filter((one) =>
    held.every(({ contender, name }) => contender !== one || !(name in ratios)),
  );
}

export function baselineOf(held: readonly Held[], measuredOn: readonly string[]): Baseline {
  return {
    measuredOn,
    ratios: Object.fromEntries(held.map(({ name, values }) => [name, rounded(spreadOf(values))])),
  };
}

/** What the baseline does not know cannot be worse, and is said to be new. */
export function verdictsOf(held: readonly Held[], { ratios }: Baseline): Verdict[] {
  return held.map(({ name, better, values }) => {
    const now = spreadOf(values);
    const before = ratios[name];
    if (before === undefined)
      return { rule: name, found: `${spreadText(now)}, not in the baseline`, holds: true };
    const change = isWorse(now, before, better)
      ? 'worse'
      : isWorse(now, before, better === 'more' ? 'less' : 'more')
        ? 'better'
        : 'no difference';
    return {
      rule: name,
      found: `${spreadText(now)}, baseline ${spreadText(before)}: ${change}`,
      holds: change !== 'worse',
    };
  });
}

/**
 * Beyond the spread of both runs: no round has come up to the median of the baseline, and the median is below all of
 * the rounds of the baseline. One of the two alone happens by chance.
 */
function isWorse(now: Spread, before: Spread, better: Metric['better']): boolean {
  return better === 'more'
    ? now.most < before.median && now.median < before.least
    : now.least > before.median && now.median > before.most;
}

/** As many digits as are printed: a file that people read, and no difference that nobody can see. */
function rounded({ median, least, most }: Spread): Spread {
  const digits = (value: number) => Number(value.toFixed(3));
  return { median: digits(median), least: digits(least), most: digits(most) };
}
