/**
 * A program of its own, as a small young generation is what it needs: how much of a request survives collections although it
 * is over.
 *
 *   node --expose-gc --max-semi-space-size=1 survivors-of-requests.js
 *
 * prints the bytes of one request that have got among the old objects.
 */
import assert from 'node:assert/strict';
import { getHeapSpaceStatistics } from 'node:v8';
import { answer, newEvent, replies, send } from './bridge-requests';

const AT_ONCE = 8;
const WARM_UP_ROUNDS = 2000;
/** So many that they are collected over and over, and so few that no full collection hides what they leave. */
const ROUNDS = 400;

function round(): void {
  const events = Array.from({ length: AT_ONCE }, newEvent);
  send(events);
  answer(replies());
  assert.ok(events.every(({ status }) => status === 200));
}

function oldBytes(): number {
  return (
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? NaN
  );
}

for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) round();
// Everything that is there now gets among the old objects, the tables of maps and sets, too.
globalThis.gc?.();
const before = oldBytes();
for (let measured = 0; measured < ROUNDS; measured++) round();
console.log(`${Math.round((oldBytes() - before) / (ROUNDS * AT_ONCE))} bytes`);
process.exit();
