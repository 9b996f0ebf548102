import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultsDrillVerdicts, type ResultsDrillReport } from '../../../bench/results-drill/goals';

const GOOD: ResultsDrillReport = {
  sent: 1000,
  accepted: 990,
  notAccepted: 10,
  answered: 985,
  gone: 5,
  unknown: 0,
  missing: 0,
  crossed: 0,
  strayAsked: 99,
  strayAnswered: 0,
  killed: 3,
  p50Ms: 3000,
  p99Ms: 6000,
  repetitions: { sent: 10_000, answeredAlike: 10_000, records: 2 },
};
const failing = (change: Partial<ResultsDrillReport>) =>
  resultsDrillVerdicts({ ...GOOD, ...change })
    .filter(({ holds }) => !holds)
    .map(({ rule }) => rule.split(' ')[0]);

test('a drill in which nothing was lost is in order', () => assert.deepEqual(failing({}), []));

test('each thing that must not be is found', () => {
  assert.deepEqual(failing({ killed: 0 }), ['most']);
  assert.deepEqual(failing({ notAccepted: 500 }), ['most']);
  assert.deepEqual(failing({ answered: 984, unknown: 1 }), ['each', 'unknown']);
  assert.deepEqual(failing({ answered: 984, missing: 1 }), ['each', 'never']);
  assert.deepEqual(failing({ answered: 984, crossed: 1 }), ['each', 'crossed']);
  assert.deepEqual(failing({ strayAnswered: 1 }), ['an']);
  assert.deepEqual(failing({ repetitions: { sent: 10, answeredAlike: 10, records: 3 } }), ['repetitions']);
  assert.deepEqual(failing({ repetitions: { sent: 10, answeredAlike: 9, records: 1 } }), ['repetitions']);
});
