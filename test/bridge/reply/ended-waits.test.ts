import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndedWaits } from '../../../bridge/reply/ended-waits';

const answered = (id: string, endedAtMs: number, untilMs: number) => ({
  id,
  owner: 'a configuration',
  endedAtMs,
  how: 'answered' as const,
  untilMs,
});

test('an ended wait is known until its time is over', () => {
  const waits = new EndedWaits();
  waits.remember(answered('a', 100, 200));
  assert.deepEqual(waits.find('a', 199)?.how, 'answered');
  assert.equal(waits.find('a', 200), undefined);
  assert.equal(waits.find('b', 0), undefined);
});

test('what is over is forgotten as others end', () => {
  const waits = new EndedWaits();
  for (let atMs = 0; atMs < 1000; atMs++) waits.remember(answered(`id ${atMs}`, atMs, atMs + 10));
  assert.ok(waits.size <= 11, `${waits.size} are kept`);
});

test('memory is bounded: the oldest goes first', () => {
  const waits = new EndedWaits(3);
  for (const id of ['a', 'b', 'c', 'd']) waits.remember(answered(id, 0, 1e9));
  assert.equal(waits.size, 3);
  assert.equal(waits.find('a', 0), undefined);
  assert.ok(waits.find('b', 0));
});

test('an id that ends again starts a new time', () => {
  const waits = new EndedWaits(2);
  waits.remember(answered('a', 0, 10));
  waits.remember(answered('b', 1, 11));
  waits.remember({ ...answered('a', 2, 12), how: 'failed' });
  waits.remember(answered('c', 3, 13));
  assert.equal(waits.find('a', 5)?.how, 'failed');
  assert.equal(waits.find('b', 5), undefined);
});

/** The first key of a map is found behind all those that were deleted: 60 microseconds for each request of a busy gateway. */
test('what is forgotten costs nothing later', () => {
  const waits = new EndedWaits(100_000);
  const startMs = performance.now();
  for (let index = 0; index < 300_000; index++) waits.remember(answered(`id ${index}`, index, index + 1e9));
  const spentMs = performance.now() - startMs;
  assert.equal(waits.size, 100_000);
  assert.ok(spentMs < 3000, `${spentMs} ms`);
});
