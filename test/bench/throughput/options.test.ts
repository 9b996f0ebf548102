import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../../bench/load/command-line';
import { BENCH, benchPlan, CHECK, checkPlan } from '../../../bench/throughput/options';
import type { Plan } from '../../../bench/throughput/plan';

/** Of this build, which is as good as another one. */
const DIST = join(__dirname, '..', '..', '..');

function plan(line: string): Plan {
  const options = BENCH.parse(line.split(' ').filter(Boolean));
  assert.ok(options);
  return benchPlan(options, '/own');
}

const labels = ({ entries }: Plan) => entries.map(({ label, dist }) => `${label} ${dist}`);

test('without flags everything is measured, once started, at three levels and two shares', () => {
  const { entries, ...rest } = plan('');
  assert.deepEqual(rest, { rounds: 5, starts: 1, seconds: 1, inFlight: [1, 32, 256], shares: [0.3, 0.6] });
  assert.deepEqual(
    entries.map(({ contender }) => contender),
    ['floor', 'server', 'one-event', 'stock', 'empty'],
  );
});

test('a comparison has more rounds and starts, both builds at the rate of the other one', () => {
  const comparison = plan(`--against ${DIST}`);
  assert.deepEqual(labels(comparison), ['server /own', `against ${DIST}`]);
  const { rounds, starts, pacedBy } = comparison;
  assert.deepEqual([rounds, starts, pacedBy], [9, 3, 'against']);
  const { entries } = plan(`--against ${DIST} --only one-event,server --against-as one-event`);
  assert.deepEqual(
    entries.map(({ label, contender }) => `${label}: ${contender}`),
    ['one-event: one-event', 'server: server', 'against: one-event'],
  );
});

test('what is said on the command line wins, and no round is without a start of its own kind', () => {
  assert.deepEqual(labels(plan('--only stock,floor')), ['stock /own', 'floor /own']);
  for (const [line, rounds, starts] of [
    ['--rounds 3 --starts 2', 3, 2],
    [`--rounds 2 --against ${DIST}`, 2, 2],
    [`--starts 1 --against ${DIST}`, 9, 1],
  ] as const) {
    const said = plan(line);
    assert.deepEqual([said.rounds, said.starts], [rounds, starts], line);
  }
});

test('what cannot be compared is refused in one sentence', (t) => {
  // A build from before the one plugin.
  const OLD = mkdtempSync(join(tmpdir(), 'old-'));
  t.after(() => rmSync(OLD, { recursive: true }));
  mkdirSync(join(OLD, 'pluginserver'));
  writeFileSync(join(OLD, 'pluginserver', 'main.js'), '');
  for (const [line, message] of [
    [`--against ${DIST} --only floor`, '--against compares server, one-event, and not floor.'],
    ['--against /nowhere', "--against needs a folder with pluginserver/main.js in it, not '/nowhere'."],
    [
      `--against ${OLD} --against-as one-event`,
      `--against needs a folder with plugins/custom_kafka_request_reply in it, not '${OLD}'.`,
    ],
  ] as const) {
    assert.throws(
      () => plan(line),
      (error: unknown) => error instanceof UsageError && error.message === message,
      line,
    );
  }
});

test('the check measures what its ratios are made of', () => {
  const options = CHECK.parse(['--rounds', '2']);
  assert.ok(options && !options.record);
  const check = checkPlan(options, '/own');
  assert.deepEqual(labels(check), ['floor /own', 'server /own', 'one-event /own', 'stock /own']);
  assert.deepEqual([check.rounds, check.starts, check.shares], [2, 2, []]);
});
