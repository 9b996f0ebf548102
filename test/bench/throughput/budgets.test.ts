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

test('rates hold at their limits and not beyond', () => {
  for (const [ours, theirs, perSecond, least, found, holds] of [
    ['server', 'floor', 330, 0.33, '0.33 ×', true],
    ['server', 'floor', 320, 0.33, '0.32 ×', false],
    ['server', 'stock', 2200, 2.2, '2.20 ×', true],
    ['server', 'stock', 2190, 2.2, '2.19 ×', false],
    ['one-event', 'floor', 420, 0.42, '0.42 ×', true],
    ['one-event', 'floor', 410, 0.42, '0.41 ×', false],
  ] as const) {
    const measurements = [measurement(ours, 256, 1, { perSecond }), measurement(theirs, 256, 1)];
    const rule = `256 in flight: rate of ${ours} at least ${least} × that of ${theirs}`;
    assert.deepEqual(budgets(measurements), [{ rule, found, holds }]);
  }
});

test('two events take what Kafka and the protocol take, and one event no more than two', () => {
  const two = '1 in flight: p50 of server above those of floor and empty together: at most 0.05 ms';
  const one = '1 in flight: p50 of one-event above that of server: at most 0 ms';
  const p50Of = (contender: string, p50Ms: number) => measurement(contender, 1, 1, { p50Ms });
  for (const [p50Ms, found, holds] of [
    [1.5, '0.000 ms', true],
    [1.551, '0.051 ms', false],
    [NaN, 'NaN ms', false],
  ] as const) {
    const measurements = [p50Of('floor', 1), p50Of('empty', 0.5), p50Of('server', p50Ms)];
    assert.deepEqual(budgets(measurements), [{ rule: two, found, holds }]);
  }
  for (const [p50Ms, found, holds] of [
    [1.5, '0.000 ms', true],
    [1.501, '0.001 ms', false],
  ] as const) {
    const measurements = [p50Of('one-event', p50Ms), p50Of('server', 1.5)];
    assert.deepEqual(budgets(measurements), [{ rule: one, found, holds }]);
  }
});

test('calls to Kong are counted over all events of a request, where there are most', () => {
  const traffic = (calls: number) => ({
    any: { events: 2000, rounds: 2000, mostRounds: 1, calls, bytesSent: 1, bytesReceived: 1 },
  });
  for (const [ours, calls, most, found, holds] of [
    ['server', 10_000, 5, '5.0', true],
    ['server', 12_000, 5, '6.0', false],
    ['one-event', 8000, 4, '4.0', true],
    ['one-event', 10_000, 4, '5.0', false],
  ] as const) {
    const [verdict] = budgets([
      measurement(ours, 1, 1, { traffic: traffic(8000) }),
      measurement(ours, 32, 1, { traffic: traffic(calls) }),
    ]);
    assert.deepEqual(verdict, {
      rule: `calls to Kong per request of ${ours}: at most ${most}`,
      found,
      holds,
    });
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
    assert.deepEqual(verdicts.at(-1), { rule: 'one pipelined round trip per event', found, holds });
  }
});

test('what was not measured is not judged', () => {
  assert.deepEqual(budgets([measurement('floor', 1, 1), measurement('stock', 256, 1)]), []);
  assert.deepEqual(budgets([measurement('server', 1, 1), measurement('server', 256, 1)]), []);
});

test('what the machine leaves is told from what floor and empty need together', () => {
  const measured = [
    measurement('floor', 256, 1, { perSecond: 9000 }),
    measurement('empty', 256, 1, { perSecond: 4500 }),
    measurement('server', 256, 1, { perSecond: 1500 }),
  ];
  assert.deepEqual(withinReach(measured), [
    '256 in flight: server has 0.50 × the rate that floor and empty leave when they share the machine',
  ]);
  assert.deepEqual(withinReach(measured.filter(({ contender }) => contender !== 'empty')), []);
});
