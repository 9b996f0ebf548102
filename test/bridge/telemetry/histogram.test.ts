import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Buckets, Histogram } from '../../../bridge/telemetry/histogram';

const countsOf = (histogram: Histogram) =>
  histogram.buckets.bounds.map((_, index) => histogram.countIn(index));

test('a bucket has its bound, and the last one everything beyond', () => {
  const histogram = new Histogram(new Buckets([0.01, 0.1, 1]));
  for (const ms of [0, 10, 10.001, 100, 1000, 1000.5, 1e9]) histogram.observe(ms);
  assert.deepEqual(countsOf(histogram), [2, 2, 1, 2]);
});

test('bounds in milliseconds are exactly those in seconds', () => {
  const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
  const { boundsMs } = new Buckets(seconds);
  assert.deepEqual(
    [...boundsMs],
    [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000],
  );
});

test('the sum is in seconds', () => {
  const histogram = new Histogram(new Buckets([1]));
  histogram.observe(250);
  histogram.observeRequest(1500, 'a', 0);
  assert.equal(histogram.sumSeconds, 1.75);
});

test('each bucket knows the last request that fell into it', () => {
  const histogram = new Histogram(new Buckets([0.1]));
  histogram.observeRequest(5, 'first', 100);
  histogram.observeRequest(6, 'second', 200);
  histogram.observe(500);
  assert.deepEqual(histogram.exemplarIn(0), { requestId: 'second', valueMs: 6, atMs: 200 });
  assert.equal(histogram.exemplarIn(1), undefined);
});
