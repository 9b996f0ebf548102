/** What waits for records that cannot be read yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { PartitionOrder } from '../../../bridge/reply/partition-order';
import { receivedRecord } from '../../support/records';

const at = (offset: number, partition = 0): ReceivedRecord => ({
  ...receivedRecord({ value: 'a value' }),
  partition,
  offset,
});

function ordering(mostBytes?: number) {
  const order = new PartitionOrder(mostBytes);
  const done: string[] = [];
  const take = (record: ReceivedRecord): void => {
    const name = `${record.partition}:${record.offset}`;
    if (!order.after(record, () => done.push(name))) done.push(name);
  };
  return { order, done, take };
}

test('what is before, and on another partition, waits for nothing', () => {
  const { order, done, take } = ordering();
  take(at(1));
  assert.equal(order.isBusy, false);
  order.block(at(5));
  assert.equal(order.isBusy, true);
  for (const record of [at(4), at(5), at(6, 1)]) take(record);
  assert.deepEqual(done, ['0:1', '0:4', '0:5', '1:6']);
});

test('what is behind several goes when the last of them has gone, in its order', () => {
  const { order, done, take } = ordering();
  const [first, second, third] = [at(1), at(3), at(5)];
  for (const record of [first, second, third]) order.block(record);
  for (const offset of [6, 2, 4]) take(at(offset));
  order.unblock(third);
  order.unblock(second);
  assert.deepEqual(done, []);
  order.unblock(first);
  assert.deepEqual(done, ['0:2', '0:4', '0:6']);
  assert.equal(order.isBusy, false);
});

test('one that can be read sooner than what is before it keeps its place', () => {
  const { order, done, take } = ordering();
  const [first, second] = [at(1), at(2)];
  order.block(first);
  order.block(second);
  take(at(3));
  take(second);
  order.unblock(second);
  assert.deepEqual(done, []);
  take(first);
  order.unblock(first);
  assert.deepEqual(done, ['0:1', '0:2', '0:3']);
});

test('beyond its bound nothing waits, and what has gone makes room', () => {
  const { order, done, take } = ordering(1500);
  const first = at(1);
  order.block(first);
  for (const offset of [2, 3, 4, 5, 6, 7, 8, 9]) take(at(offset));
  assert.ok(done.length > 0 && done.length < 8, `${done.length} of 8 did not wait`);
  assert.ok(!done.includes('0:2'));
  order.unblock(first);
  assert.equal(new Set(done).size, 8);
  const next = at(10);
  order.block(next);
  take(at(11));
  assert.ok(!done.includes('0:11'));
  order.clear();
  order.unblock(next);
  assert.equal(order.isBusy, false);
  assert.ok(!done.includes('0:11'), 'nobody wants it');
});

/** After a start those of a whole topic wait for one schema. */
test('a hundred thousand that wait for one are no more work each than a few', () => {
  const { order, done, take } = ordering(Infinity);
  const blocked = Array.from({ length: 100_000 }, (_, offset) => at(2 * offset));
  const startedAtMs = performance.now();
  for (const record of blocked) {
    order.block(record);
    take(at(record.offset + 1));
  }
  for (const record of blocked) order.unblock(record);
  assert.equal(done.length, blocked.length);
  assert.ok(performance.now() - startedAtMs < 5000, 'it would be minutes');
});
