import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { HandOver } from '../../../bridge/reply/hand-over';
import { FakeClock } from '../../support/fake-clock';

function handOver() {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const unclaimed: string[] = [];
  return {
    clock,
    wheel,
    unclaimed,
    handOver: new HandOver<string>(clock, wheel, (exchange) => unclaimed.push(exchange)),
  };
}

test('an exchange is claimed once', () => {
  const { wheel, unclaimed, handOver: over } = handOver();
  over.offer('r', 'exchange', 100);
  assert.equal(over.claim('r'), 'exchange');
  assert.equal(over.claim('r'), undefined);
  assert.deepEqual(unclaimed, []);
  assert.deepEqual([over.size, wheel.size], [0, 0]);
});

test('what nobody claims in time is given back', () => {
  const { clock, unclaimed, handOver: over } = handOver();
  over.offer('r', 'exchange', 100);
  clock.advance(120);
  assert.deepEqual(unclaimed, ['exchange']);
  assert.equal(over.claim('r'), undefined);
  assert.equal(over.size, 0);
});

test('a second offer under one id replaces the first, which is given back', () => {
  const { unclaimed, handOver: over } = handOver();
  over.offer('r', 'first run', 100);
  over.offer('r', 'second run', 100);
  assert.deepEqual(unclaimed, ['first run']);
  assert.equal(over.claim('r'), 'second run');
});
