import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Account, entryId } from '../../../bench/log-drill/account';
import { logDrillVerdicts, requestLatencyVerdicts } from '../../../bench/log-drill/goals';
import type { RequestLatencyReport } from '../../../bench/log-drill/requests';
import type { LogDrillReport } from '../../../bench/log-drill/run';
import { logEntryText } from '../../../bench/load/log-entry';

const record = (lane: number, number: number) => Buffer.from(logEntryText(entryId(lane, number)));

function outOfOrder(...entries: readonly (readonly [lane: number, number: number])[]): number {
  const account = new Account();
  for (const [lane, number] of entries) account.onRecord(record(lane, number));
  assert.equal(account.found, entries.length);
  return account.outOfOrder;
}

test('lanes may mix and have gaps, but not come twice or go back', () => {
  assert.equal(outOfOrder([0, 1], [1, 1], [0, 2], [1, 7], [0, 300]), 0);
  assert.equal(outOfOrder([0, 1], [0, 1]), 1);
  assert.equal(outOfOrder([0, 2], [1, 1], [0, 1]), 1);
});

const GOOD: LogDrillReport = {
  sent: 100,
  perSecond: 10,
  accepted: 100,
  delivered: 90,
  dropped: 9,
  lost: 1,
  found: 90,
  outOfOrder: 0,
  megabytes: { before: 80, most: 200, after: 150 },
  p99Ms: { up: 1, down: 1 },
  exitCode: 0,
};

const BAD: Record<string, Partial<LogDrillReport>> = {
  'an entry without an end': { dropped: 8 },
  'an entry that was never taken': { accepted: 99 },
  'an acknowledged entry that is not there': { found: 89 },
  'an entry that came twice': { found: 91, outOfOrder: 1 },
  'memory that grows': { megabytes: { before: 80, most: 900, after: 900 } },
  'a process that was killed': { exitCode: null },
};

test('a good run meets every goal', () => {
  assert.ok(logDrillVerdicts(GOOD).every(({ holds }) => holds));
});

for (const [what, change] of Object.entries(BAD)) {
  test(`missed by ${what}`, () => {
    assert.ok(logDrillVerdicts({ ...GOOD, ...change }).some(({ holds }) => !holds));
  });
}

const took = (p99Ms: number, least = p99Ms, most = p99Ms) => ({
  count: 100,
  p50Ms: 1,
  p99Ms,
  p99SpreadMs: [least, most] as const,
});
const WAITS: RequestLatencyReport = {
  plain: took(4),
  logged: took(6),
  plainWithout: took(4),
  loggedWithout: took(5),
  failed: 0,
};

test('a request that waits for its log entry, or fails, is seen', () => {
  const holds = (change: Partial<RequestLatencyReport>) =>
    requestLatencyVerdicts({ ...WAITS, ...change }).every((verdict) => verdict.holds);
  assert.ok(holds({}));
  // Turns as good as those without: it was the machine.
  assert.ok(holds({ plain: took(4, 2, 8), logged: took(20, 7, 40) }));
  assert.ok(!holds({ plain: took(4, 2, 8), logged: took(20, 9, 40) }));
  for (const change of [{ logged: took(9.5) }, { loggedWithout: took(1000) }, { failed: 1 }, { logged: { ...took(1), count: 0 } }])
    assert.ok(!holds(change), JSON.stringify(change));
}); // prettier-ignore
