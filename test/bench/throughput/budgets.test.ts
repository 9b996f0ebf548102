import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgets, correctness, withinReach } from '../../../bench/throughput/budgets';
import { measurement } from './measurement';

test('one lost or crossed request of any contender is too many', () => {
  for (const [changes, found, holds] of [
    [{}, '0 lost, 0 crossed', true],
    [{ lost: 2 }, '2 lost, 0 crossed', false],
    [{ crossed: 1 }, '0 lost, 1 crossed', false],
  ] as const) {
    const measurements = [measurement('server', 1, 1), measurement('stock', 32, 2, changes)];
    assert.deepEqual(correctness(measurements), { rule: 'no request lost or crossed', found, holds });
  }
});

test('rules hold at their limits and not beyond', () => {
  const latency = '1 in flight: p50 at most 0.2 ms above the floor';
  const rate = (least: string) => `256 in flight: at least ${least}`;
  for (const [inFlight, changes, against, rule, found, holds] of [
    [1, { p50Ms: 0.5 }, 'floor', latency, '0.200 ms above', true],
    [1, { p50Ms: 0.501 }, 'floor', latency, '0.201 ms above', false],
    [1, { p50Ms: NaN }, 'floor', latency, 'NaN ms above', false],
    [256, { perSecond: 300 }, 'floor', rate('0.3 × the rate of floor'), '0.30 ×', true],
    [256, { perSecond: 290 }, 'floor', rate('0.3 × the rate of floor'), '0.29 ×', false],
    [256, { perSecond: 1300 }, 'stock', rate('1.3 × the rate of stock'), '1.30 ×', true],
    [256, { perSecond: 1290 }, 'stock', rate('1.3 × the rate of stock'), '1.29 ×', false],
  ] as const) {
    const measurements = [measurement('server', inFlight, 1, changes), measurement(against, inFlight, 1)];
    assert.deepEqual(budgets(measurements), [{ rule, found, holds }]);
  }
});

test('contenders are compared within a round, and the median over the rounds counts', () => {
  const [verdict] = budgets([
    measurement('server', 256, 1, { perSecond: 400 }),
    measurement('server', 256, 2, { perSecond: 2000 }),
    measurement('server', 256, 3, { perSecond: 500 }),
    measurement('floor', 256, 3),
    measurement('floor', 256, 2, { perSecond: 10_000 }),
    measurement('floor', 256, 1),
    // Nothing to compare these with: no floor in the round, or no rule about the level.
    measurement('server', 256, 4, { perSecond: 1 }),
    measurement('server', 32, 1, { perSecond: 1 }),
    measurement('floor', 32, 1),
  ]);
  assert.equal(verdict?.found, '0.40 ×');
});

test('an event of the plugin server takes one round trip, in every measurement', () => {
  const of = (mostRounds: number) => ({
    ...{ events: 10, rounds: 10, mostRounds },
    ...{ calls: 40, bytesSent: 100, bytesReceived: 100 },
  });
  for (const [producer, consumer, holds] of [
    [1, 1, true],
    [2, 1, false],
    [1, 3, false],
    // A plugin that the request did not need, as when the other one has done it all.
    [1, 0, true],
    [0, 0, false],
  ] as const) {
    const verdicts = budgets([
      measurement('server', 32, 1, { traffic: { producer: of(producer), consumer: of(consumer) } }),
      measurement('server', 32, 2, { traffic: { producer: of(0), consumer: of(0) } }),
      measurement('stock', 32, 2, { traffic: { producer: of(9), consumer: of(9) } }),
    ]);
    const found = `at most ${producer} per event of producer, at most ${consumer} per event of consumer`;
    assert.deepEqual(verdicts, [{ rule: 'one pipelined round trip per event', found, holds }]);
  }
});

test('what was not measured is not judged', () => {
  assert.deepEqual(budgets([measurement('floor', 1, 1), measurement('stock', 256, 1)]), []);
  assert.deepEqual(budgets([measurement('server', 1, 1), measurement('server', 256, 1)]), []);
});

test('what the machine leaves is told from what floor and empty need together', () => {
  const measured = [
    measurement('floor', 1, 1, { p50Ms: 1 }),
    measurement('empty', 1, 1, { p50Ms: 0.5 }),
    measurement('server', 1, 1, { p50Ms: 1.75 }),
    measurement('floor', 256, 1, { perSecond: 9000 }),
    measurement('empty', 256, 1, { perSecond: 4500 }),
    measurement('server', 256, 1, { perSecond: 1500 }),
  ];
  assert.deepEqual(withinReach(measured), [
    '1 in flight: p50 0.250 ms above floor and empty one after the other',
    '256 in flight: 0.50 × the rate that floor and empty leave when they share the machine',
  ]);
  assert.deepEqual(withinReach(measured.filter(({ contender }) => contender !== 'empty')), []);
});
