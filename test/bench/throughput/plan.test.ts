import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENDERS } from '../../../bench/throughput/contenders';
import { BENCH, benchPlan, CHECK, checkPlan } from '../../../bench/throughput/options';
import { plannedSeconds, startsBefore, turnsOf, warmUpsOf, type Plan } from '../../../bench/throughput/plan';
import { closedLoopRate } from '../../../bench/throughput/run';
import { stepName } from '../../../bench/throughput/ratios';
import { measurement, paced } from './measurement';

const PLAN: Plan = {
  entries: (['floor', 'server', 'empty'] as const).map((name) => ({
    label: name,
    contender: name,
    dist: 'd',
  })),
  inFlight: [1, 32],
  shares: [0.3],
  rounds: 7,
  starts: 3,
  seconds: 1,
};

test('closed loops come first, every other round backwards, and without Kafka there is no open loop', () => {
  const turns = (round: number) =>
    turnsOf(PLAN, round).map((turn) => `${turn.entry.label} ${stepName(turn)}`);
  assert.deepEqual(turns(1), [
    ...['floor 1 in flight', 'server 1 in flight', 'empty 1 in flight'],
    ...['floor 32 in flight', 'server 32 in flight', 'empty 32 in flight'],
    ...['floor 30 % of rate', 'server 30 % of rate'],
  ]);
  assert.deepEqual(turns(2), [
    ...['empty 1 in flight', 'server 1 in flight', 'floor 1 in flight'],
    ...['empty 32 in flight', 'server 32 in flight', 'floor 32 in flight'],
    ...['server 30 % of rate', 'floor 30 % of rate'],
  ]);
});

test('starts are spread over the rounds', () => {
  const starts = (changes: Partial<Plan>) => {
    const plan = { ...PLAN, ...changes };
    return Array.from({ length: plan.rounds }, (_, index) => index + 1).filter((round) =>
      startsBefore(plan, round),
    );
  };
  assert.deepEqual(starts({}), [1, 4, 6]);
  assert.deepEqual(starts({ rounds: 9 }), [1, 4, 7]);
  assert.deepEqual(starts({ starts: 1 }), [1]);
  assert.deepEqual(starts({ starts: 7 }), [1, 2, 3, 4, 5, 6, 7]);
});

test('every command takes less than three minutes', () => {
  for (const plan of [benchPlan(defaults(BENCH)), comparison(), checkPlan(defaults(CHECK))]) {
    assert.ok(plannedSeconds(plan) < 175, `${plannedSeconds(plan)} s for ${plan.entries.length}`);
  }
  assert.equal(
    plannedSeconds({ ...PLAN, entries: PLAN.entries.slice(0, 1), rounds: 2, starts: 2 }),
    // Start, twice the contender, both warm-ups, and the measurements with their last answers.
    8 + 2 + 5.5 + 2.5 + 6 * 1.15,
  );
});

function defaults<T>(command: { parse(args: readonly string[]): T | undefined }): T {
  return command.parse([]) as T;
}

function comparison(): Plan {
  const { rounds, starts } = defaults(CHECK);
  const server = { contender: 'server' as const, dist: 'd' };
  const entries = [
    { label: 'server', ...server },
    { label: 'against', ...server },
  ];
  return { ...benchPlan(defaults(BENCH)), entries, rounds, starts };
}

test('the broker is warmed up once, processes each time, and never by the stock server, which leaks', () => {
  const requests = (contender: 'server' | 'stock', isFirst: boolean) =>
    warmUpsOf({ label: contender, contender, dist: 'd' }, isFirst).map(({ inFlight }) => inFlight);
  assert.deepEqual(requests('server', true), [32, 256]);
  assert.deepEqual(requests('server', false), [256]);
  assert.deepEqual([requests('stock', true), requests('stock', false)], [[32], [32]]);
});

test('open loops follow the best closed loop of the same round', () => {
  const measurements = [
    measurement('server', 32, 1, { perSecond: 2700 }),
    measurement('server', 256, 1, { perSecond: 4600 }),
    measurement('server', 256, 2, { perSecond: 9000 }),
    measurement('floor', 256, 1, { perSecond: 20_000 }),
    paced('server', 0.6, 1, { perSecond: 30_000 }),
  ];
  assert.equal(closedLoopRate(measurements, 'server', 1), 4600);
  assert.equal(closedLoopRate(measurements, 'server', 3), 0);
});

test('only plugin servers can be of another build', () => {
  const others = Object.entries(CONTENDERS).filter(([, { ofBuild }]) => !ofBuild);
  assert.deepEqual(
    others.map(([name]) => name),
    ['floor', 'avro', 'stock', 'empty', 'log', 'failover'],
  );
});
