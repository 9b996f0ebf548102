import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ascending, median, percentile } from '../../../bench/load/statistics';

test('a percentile is the nearest rank, never something between two values', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  for (const [values, share, expected] of [
    [hundred, 0, 1],
    [hundred, 0.5, 50],
    [hundred, 0.501, 51],
    [hundred, 0.99, 99],
    [hundred, 1, 100],
    [[], 0.5, NaN],
  ] as const) {
    assert.equal(percentile(values, share), expected, `${share} of ${values.length}`);
  }
});

test('a median needs no order, and lies between the two in the middle of an even count', () => {
  assert.deepEqual([[9, 100, 8], [4, 1, 30, 2], [5], []].map(median), [9, 3, 5, NaN]);
});

test('numbers are sorted as numbers, and the given ones stay as they are', () => {
  const values = [10, 9, 100, -1];
  assert.deepEqual([...ascending(values)], [-1, 9, 10, 100]);
  assert.deepEqual(values, [10, 9, 100, -1]);
});
