import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitingWithin } from '../../../bench/growth/in-flight';
import { GROWTH } from '../../../bench/growth/options';
import { startTable, startVerdicts, type Start } from '../../../bench/growth/start';
import { waitingTable, waitingVerdicts, type Waited } from '../../../bench/growth/waiting';
import { UsageError } from '../../../bench/load/command-line';

test('without flags all questions are asked; what is said on the command line wins', () => {
  assert.deepEqual(GROWTH.parse([]), {
    only: ['in-flight', 'body-size', 'configurations', 'foreign-replies', 'gateways', 'waiting', 'start'],
    seconds: 3,
    svg: false,
  });
  assert.deepEqual(GROWTH.parse(['--only', 'start,gateways', '--seconds', '1', '--svg']), {
    only: ['start', 'gateways'],
    seconds: 1,
    svg: true,
  });
  assert.throws(() => GROWTH.parse(['--only', 'rounds']), UsageError);
});

test('no more requests wait than a process may have files', () => {
  for (const [openFiles, most] of [
    [65_536, 20_000],
    [20_000, 16_000],
    [14_500, 10_000],
    [4096, 1000],
    [1024, 1000],
  ] as const) {
    const all = waitingWithin(openFiles);
    assert.deepEqual([all[0], all.at(-1)], [30, most]);
    assert.deepEqual(
      all,
      [...new Set(all)].sort((a, b) => a - b),
    );
  }
});

const waited = (of: Partial<Waited> = {}): Waited => ({
  ending: 'all deadlines at once',
  statuses: { 504: 10_000 },
  megabytes: 150,
  lateP99Ms: 400,
  lateMaxMs: 500,
  endedWithinMs: 450.4,
  stalls: { ownMaxMs: 50, maxMs: 90, p99Ms: 5 },
  ...of,
});
const APART = waited({ ending: 'one deadline after the other', lateP99Ms: 50 });
const REPLIES = waited({
  ending: 'all replies at once',
  statuses: { 200: 10_000 },
  lateP99Ms: NaN,
  lateMaxMs: NaN,
});

test('ten thousand waits are judged by memory, precision, stalls and answers', () => {
  const holds = (...found: Waited[]) => waitingVerdicts(found).map((verdict) => verdict.holds);
  assert.deepEqual(holds(APART, waited(), REPLIES), [true, true, true, true]);
  assert.deepEqual(holds(APART, waited({ megabytes: 150.1 }), REPLIES), [false, true, true, true]);
  assert.deepEqual(holds({ ...APART, lateP99Ms: 50.1 }, waited(), REPLIES), [true, false, true, true]);
  const stalled = { ownMaxMs: 50.1, maxMs: 60, p99Ms: 5 };
  assert.deepEqual(holds(APART, waited(), { ...REPLIES, stalls: stalled }), [true, true, false, true]);
  assert.deepEqual(holds(APART, waited({ statuses: { 504: 9999, 503: 1 } }), REPLIES), [
    true,
    true,
    true,
    false,
  ]);
  const answered = { ...REPLIES, statuses: { 504: 10_000 } };
  assert.deepEqual(holds(APART, waited(), answered), [true, true, true, false]);
});

test('the table of waits says how each of them ended, and nothing where nothing was late', () => {
  const rows = waitingTable([waited(), REPLIES]).split('\n').slice(2);
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  assert.deepEqual(cells, [
    ['', 'all deadlines at once', '10000 × 504', '150', '400', '500', '50', '450', ''],
    ['', 'all replies at once', '10000 × 200', '150', '–', '–', '50', '450', ''],
  ]);
});

test('starts are judged by their medians', () => {
  const starts = [900, 1000, 1500].map((firstAnswerMs, index): Start => ({
    servingMs: 300,
    firstAnswerMs,
    servingMegabytes: 70,
    idleMegabytes: 79 + index,
  }));
  assert.deepEqual(
    startVerdicts(starts).map(({ found, holds }) => [found, holds]),
    [
      ['1000 ms', true],
      ['80 MB', true],
    ],
  );
  assert.deepEqual(
    startVerdicts(starts.slice(1)).map(({ holds }) => holds),
    [false, false],
  );
  assert.match(startTable(starts), /first 200, ms \| +1000 \| +900 \| +1500 \|/);
});
