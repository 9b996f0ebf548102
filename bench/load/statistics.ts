/** Percentiles and medians of complete samples: nothing is sampled, rounded or put into buckets. */

/** Nearest rank: the smallest value that is not below the given share of all. NaN without values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.max(Math.ceil(share * sorted.length), 1);
  return sorted[rank - 1] ?? NaN;
}

/** With an even count the mean of the two in the middle. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function ascending(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
