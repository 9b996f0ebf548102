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
  readonly better: Metric['better'];
  /** One for each round. */
  readonly values: readonly number[];
}

/** Against whom, in what. */
const RATIOS: readonly { readonly theirs: string; readonly metric: Metric }[] = [
  { theirs: 'floor', metric: RATE },
  { theirs: 'stock', metric: RATE },
  { theirs: 'floor', metric: SERVER_CPU },
];

/** All that can be made of these measurements, by level of the closed loops. */
export function heldBy(measurements: readonly Measurement[]): Held[] {
  const levels = [...new Set(measurements.map(({ inFlight }) => inFlight))].filter(
    (one) => one !== undefined,
  );
  const ratios = levels.flatMap((inFlight) =>
    RATIOS.map(({ theirs, metric }): Held => {
      const values = ratiosOf(measurements, { ours: 'server', theirs, step: { inFlight }, metric });
      return {
        name: `${inFlight} in flight: ${metric.name} of server × ${theirs}`,
        better: metric.better,
        values,
      };
    }),
  );
  // No time either, and the same on every machine.
  const calls: Held = {
    name: 'calls to Kong per request',
    better: 'less',
    values: measurements
      .filter(({ contender }) => contender === 'server')
      .map((each) => trafficPerRequest(each, (traffic) => traffic.calls))
      .filter((value) => value !== undefined),
  };
  return [...ratios, calls].filter(({ values }) => values.length > 0);
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
