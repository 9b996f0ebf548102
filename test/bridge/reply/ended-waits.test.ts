import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndedWaits } from '../../../bridge/reply/ended-waits';

const answered = (endedAtMs: number) => ({ endedAtMs, how: 'answered' as const });

test('an ended wait is known until its time is over', () => {
  const waits = new EndedWaits();
  waits.remember('a', answered(100), 200);
  assert.deepEqual(waits.find('a', 199)?.how, 'answered');
  assert.equal(waits.find('a', 200), undefined);
  assert.equal(waits.find('b', 0), undefined);
});

test('what is over is forgotten as others end', () => {
  const waits = new EndedWaits();
  for (let atMs = 0; atMs < 1000; atMs++) waits.remember(`id ${atMs}`, answered(atMs), atMs + 10);
  assert.ok(waits.size <= 11, `${waits.size} are kept`);
});

test('memory is bounded: the oldest goes first', () => {
  const waits = new EndedWaits(3);
  for (const id of ['a', 'b', 'c', 'd']) waits.remember(id, answered(0), 1e9);
  assert.equal(waits.size, 3);
  assert.equal(waits.find('a', 0), undefined);
  assert.ok(waits.find('b', 0));
});

test('an id that ends again starts a new time', () => {
  const waits = new EndedWaits(2);
  waits.remember('a', answered(0), 10);
  waits.remember('b', answered(1), 11);
  waits.remember('a', { endedAtMs: 2, how: 'failed' }, 12);
  waits.remember('c', answered(3), 13);
  assert.equal(waits.find('a', 5)?.how, 'failed');
  assert.equal(waits.find('b', 5), undefined);
});
