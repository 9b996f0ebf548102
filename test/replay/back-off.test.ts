import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackOff } from '../../replay/back-off';
import { FakeClock } from '../support/fake-clock';

const OPTIONS = { firstMs: 100, longestMs: 1000 };

test('a service that fails is left alone twice as long each time, up to the longest', () => {
  const clock = new FakeClock();
  const backOff = new BackOff(clock, OPTIONS, () => 1);
  const waits: number[] = [];
  for (let failures = 0; failures < 6; failures++) {
    backOff.failed('orders');
    waits.push(backOff.waitMs('orders'));
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000]);
  clock.advance(999);
  assert.equal(backOff.waitMs('orders'), 1);
  clock.advance(10);
  assert.equal(backOff.waitMs('orders'), 0);
});

test('half of the wait is for sure, and others do not wait', () => {
  const backOff = new BackOff(new FakeClock(), OPTIONS, () => 0);
  backOff.failed('orders');
  assert.deepEqual([backOff.waitMs('orders'), backOff.waitMs('bills')], [50, 0]);
});

test('a success forgets everything', () => {
  const backOff = new BackOff(new FakeClock(), OPTIONS, () => 1);
  for (let failures = 0; failures < 100; failures++) backOff.failed('orders');
  assert.equal(backOff.waitMs('orders'), 1000);
  backOff.succeeded('orders');
  assert.equal(backOff.waitMs('orders'), 0);
  backOff.failed('orders');
  assert.equal(backOff.waitMs('orders'), 100);
});
