/** Two builds side by side, as a table: ours by theirs, round by round. */
import { markdown } from '../load/markdown';
import type { Measurement } from './measure';
import {
  P50,
  P99,
  RATE,
  ratiosOf,
  SERVER_CPU,
  spreadOf,
  spreadText,
  stepName,
  stepsOf,
  type Metric,
} from './ratios';

const METRICS: readonly Metric[] = [RATE, SERVER_CPU, P50, P99];
/** With fewer rounds, all of them on one side is nothing special: with five it happens by chance once in 16 runs. */
const LEAST_ROUNDS = 5;

/** @param theirs the label of the other build's contender */
export function comparison(
  measurements: readonly Measurement[],
  ours: readonly string[],
  theirs: string,
): string {
  const rows = stepsOf(measurements).flatMap((step) =>
    ours.map((label) => [
      stepName(step),
      label,
      ...METRICS.map((metric) => {
        // Both get the same number of requests: their rates tell nothing.
        if (metric === RATE && step.inFlight === undefined) return '–';
        return ratioText(ratiosOf(measurements, { ours: label, theirs, step, metric }));
      }),
    ]),
  );
  return markdown([['load', 'what', ...METRICS.map(({ name }) => `× ${name}`)], ...rows]);
}

/** "1.29 [1.10–1.41] *": the median of the rounds, the least and the most; the star where all are on one side of 1. */
export function ratioText(ratios: readonly number[]): string {
  if (ratios.length === 0) return '–';
  const spread = spreadOf(ratios);
  const isOneSided = ratios.length >= LEAST_ROUNDS && (spread.least > 1 || spread.most < 1);
  return `${spreadText(spread)}${isOneSided ? ' *' : '  '}`;
}
