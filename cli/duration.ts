/** `500ms`, `10s`, `5m`, `2h`, `1d`: durations on the command line. */
import { InvalidArgumentError } from 'commander';

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** For commander's `.option(…, durationMs)`. */
export function durationMs(text: string): number {
  const [, number, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError('It needs a number and a unit: 500ms, 10s, 5m, 2h or 1d.');
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** For `.option(…, wholeNumber)`. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It needs a whole number.');
  return Number(text);
}
