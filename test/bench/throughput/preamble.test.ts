import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '../../../bench/throughput/plan';
import { preamble } from '../../../bench/throughput/preamble';
import { measurement } from './measurement';

const PLAN: Plan = { entries: [], inFlight: [1], shares: [], rounds: 9, starts: 1, seconds: 2 };

test('no figures without the rounds, the machine, and who else was on it', () => {
  const lines = (...foreignCores: number[]) =>
    preamble(
      PLAN,
      '2 cores, node 20.20.2',
      foreignCores.map((cores, index) => measurement('floor', 1, index + 1, { foreignCores: cores })),
    );
  assert.deepEqual(lines(0.1, 0.2, 3), [
    '9 rounds of 2 s for each load, 1 start of the contenders.',
    'Broker, responder, driver and contender share the machine: 2 cores, node 20.20.2.',
    'Other programs kept 0.2 cores busy.',
  ]);
  assert.equal(lines(1.26)[2], 'Other programs kept 1.3 cores busy: repeat on a quiet machine.');
});
