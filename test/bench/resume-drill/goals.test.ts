import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeDrillVerdicts, type ResumeDrillReport } from '../../../bench/resume-drill/goals';

const GOOD: ResumeDrillReport = {
  asked: 1010,
  records: 1005,
  complete: 1000,
  unfinished: 0,
  missing: 0,
  twice: 0,
  disordered: 0,
  gone: 0,
  gaps: 0,
  cutOff: 600,
  moved: 2000,
  killed: 5,
  mostPartitions: 4,
  p50Ms: 20,
  p99Ms: 900,
};
const failing = (change: Partial<ResumeDrillReport>) =>
  resumeDrillVerdicts({ ...GOOD, ...change })
    .filter(({ holds }) => !holds)
    .map(({ rule }) => rule.slice(0, 20));

test('a drill in which every client saw every reply once is in order', () =>
  assert.deepEqual(failing({}), []));

test('each thing that must not be is found', () => {
  assert.deepEqual(failing({ killed: 0 }), ['gateways were killed']);
  assert.deepEqual(failing({ cutOff: 0 }), ['gateways were killed']);
  assert.deepEqual(failing({ unfinished: 1 }), ['every stream came to']);
  assert.deepEqual(failing({ missing: 1 }), ['replies that were mi']);
  assert.deepEqual(failing({ twice: 1 }), ['replies that were se']);
  assert.deepEqual(failing({ disordered: 1 }), ['replies out of the o']);
  assert.deepEqual(failing({ gone: 1 }), ['told that it is gone']);
  assert.deepEqual(failing({ gaps: 1 }), ['told that something ']);
  assert.deepEqual(failing({ records: 1011 }), ['no record was sent f']);
});
