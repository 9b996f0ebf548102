import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RATE, ratiosOf, spreadOf, stepName, stepsOf } from '../../../bench/throughput/ratios';
import { measurement, paced } from './measurement';

test('a spread is the middle one of all rounds, the least and the most', () => {
  assert.deepEqual(spreadOf([3, 1, 10, 2]), { median: 2.5, least: 1, most: 10 });
  assert.deepEqual(spreadOf([]), { median: NaN, least: NaN, most: NaN });
});

test('only the same round under the same load makes a ratio', () => {
  const measurements = [
    measurement('server', 256, 1, { perSecond: 300 }),
    measurement('floor', 256, 2, { perSecond: 600 }),
    measurement('server', 256, 2, { perSecond: 150 }),
    measurement('floor', 32, 1),
    paced('floor', 0.3, 1),
    paced('server', 0.3, 1, { perSecond: 900 }),
  ];
  const of = (step: object) =>
    ratiosOf(measurements, { ours: 'server', theirs: 'floor', step, metric: RATE });
  assert.deepEqual(of({ inFlight: 256 }), [0.25]);
  assert.deepEqual(of({ inFlight: 32 }), []);
  assert.deepEqual(of({ share: 0.3 }), [0.9]);
  assert.deepEqual(stepsOf(measurements).map(stepName), ['256 in flight', '32 in flight', '30 % of rate']);
});
