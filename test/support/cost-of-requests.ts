/**
 * A program of its own, as the test runner allocates more than what is measured here: what plain requests cost in the bridge.
 *
 *   node --expose-gc --max-semi-space-size=64 cost-of-requests.js
 *
 * prints for one request the bytes that are allocated and the microseconds of CPU.
 */
import assert from 'node:assert/strict';
import { answer, newEvent, replies, send } from './bridge-requests';

const AT_ONCE = 256;
const WARM_UP_ROUNDS = 100;
const ROUNDS = 100;

interface Cost {
  bytes: number;
  microseconds: number;
}

function added(cost: Cost, run: () => void): void {
  const { heapUsed } = process.memoryUsage();
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  cost.microseconds += user + system;
  cost.bytes += process.memoryUsage().heapUsed - heapUsed;
}

function round(cost: Cost): void {
  const events = Array.from({ length: AT_ONCE }, newEvent);
  // What is measured must not be collected meanwhile: the young generation is large enough for one round.
  globalThis.gc?.();
  added(cost, () => send(events));
  const messages = replies();
  added(cost, () => answer(messages));
  assert.ok(events.every(({ status }) => status === 200));
}

for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) round({ bytes: 0, microseconds: 0 });
const cost: Cost = { bytes: 0, microseconds: 0 };
for (let measured = 0; measured < ROUNDS; measured++) round(cost);
const requests = ROUNDS * AT_ONCE;
console.log(`${Math.round(cost.bytes / requests)} bytes, ${(cost.microseconds / requests).toFixed(1)} µs`);
process.exit();
