/** Ratios of two contenders, taken within a round, where both met the same machine. */
import { ascending, median } from '../load/statistics';
import type { Measurement, Step } from './measure';

/** Of a figure over the rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** NaN without values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = ascending(values);
  return { median: median(values), least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN };
}

/** What is compared, and which way is better. */
export interface Metric {
  readonly name: string;
  readonly better: 'more' | 'less';
  of(measurement: Measurement): number;
}

export const RATE: Metric = { name: 'rate', better: 'more', of: ({ perSecond }) => perSecond };
export const SERVER_CPU: Metric = { name: 'server CPU', better: 'less', of: ({ cpu }) => cpu.server };
export const P50: Metric = { name: 'p50', better: 'less', of: ({ p50Ms }) => p50Ms };
export const P99: Metric = { name: 'p99', better: 'less', of: ({ p99Ms }) => p99Ms };

/** One for each round in which both were measured under that load. */
export function ratiosOf(
  measurements: readonly Measurement[],
  { ours, theirs, step, metric }: { ours: string; theirs: string; step: Step; metric: Metric },
): number[] {
  const of = (label: string) =>
    measurements.filter((each) => each.contender === label && isSameStep(each, step));
  return of(ours).flatMap((own) => {
    const other = of(theirs).find(({ round }) => round === own.round);
    return other === undefined ? [] : [metric.of(own) / metric.of(other)];
  });
}

export function isSameStep(a: Step, b: Step): boolean {
  return a.inFlight === b.inFlight && a.share === b.share;
}

/** All steps of a run, in the order in which they were measured. */
export function stepsOf(measurements: readonly Measurement[]): Step[] {
  const steps: Step[] = [];
  for (const each of measurements) {
    if (!steps.some((step) => isSameStep(step, each)))
      steps.push(each.inFlight === undefined ? { share: each.share ?? NaN } : { inFlight: each.inFlight });
  }
  return steps;
}

/** The column "load" of all tables. */
export function stepName({ inFlight, share = NaN }: Step): string {
  return inFlight === undefined ? `${Math.round(share * 100)} % of rate` : `${inFlight} in flight`;
}

/** "1.29 [1.10–1.41]" */
export function spreadText({ median: middle, least, most }: Spread): string {
  return `${middle.toFixed(2)} [${least.toFixed(2)}–${most.toFixed(2)}]`;
}
