import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replayDrillVerdicts } from '../../../bench/replay-drill/goals';
import { account, FailingService, type ReplayDrillReport } from '../../../bench/replay-drill/run';

const GOOD: ReplayDrillReport = {
  requests: 100, partitions: 3, kills: 2, asked: 150, carriedOut: 98, dead: 2, lost: 0, both: 0, repeated: 6,
  otherKeys: 0, exitCode: 3,
}; // prettier-ignore

const BAD: Record<string, Partial<ReplayDrillReport>> = {
  'a request that is nowhere': { carriedOut: 97, lost: 1 },
  'one that nobody has kept': { carriedOut: 99 },
  'another key': { otherKeys: 1 },
  'more repetitions than were in flight': { repeated: 7 },
  'a run without a kill': { kills: 0, repeated: 0 },
  'requests that are dead and carried out': { carriedOut: 100, dead: 7, both: 7 },
};

test('a good run meets every goal', () => {
  assert.ok(replayDrillVerdicts(GOOD).every(({ holds }) => holds));
});

for (const [what, change] of Object.entries(BAD)) {
  test(`missed by ${what}`, () => {
    assert.ok(replayDrillVerdicts({ ...GOOD, ...change }).some(({ holds }) => !holds));
  });
}

test('what became of each request is counted', () => {
  const service = new FailingService(3);
  assert.deepEqual([service.take('r0', 'r0'), service.take('r1', 'r1'), service.take('r2', 'r2')], [200, 200, 503]);
  service.take('r0', 'r0');
  service.take('r1', 'x');
  const report = account({ requests: 4, partitions: 1 }, { kills: 1, exitCode: 0 }, service, new Set(['r1', 'r2']));
  const { carriedOut, dead, lost, both, repeated, otherKeys, asked } = report;
  assert.deepEqual({ carriedOut, dead, lost, both, repeated, otherKeys, asked }, {
    carriedOut: 2, dead: 2, lost: 1, both: 1, repeated: 2, otherKeys: 1, asked: 5,
  });
}); // prettier-ignore
