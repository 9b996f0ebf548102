import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusyLinger, lingerMs } from '../../../bridge/kafka/busy-linger';
import { FakeClock } from '../../support/fake-clock';

function linger(utilization: number) {
  const clock = new FakeClock();
  const sent: string[][] = [];
  const busy = { utilization };
  const queue = new BusyLinger<string>(
    (items) => sent.push([...items]),
    () => busy.utilization,
    clock,
  );
  return { clock, sent, busy, queue };
}

test('the wait grows with the load, from none to 10 ms', () => {
  const waits = [0, 0.5, 0.54, 0.55, 0.75, 1].map((utilization) => Math.round(lingerMs(utilization)));
  assert.deepEqual(waits, [0, 0, 0, 1, 5, 10]);
});

test('an idle process keeps nothing back', () => {
  const { clock, queue } = linger(0.3);
  assert.equal(queue.takes('a'), false);
  assert.equal(clock.pendingTimers, 0);
});

test('a busy one sends what came within the wait together and in order', () => {
  const { clock, sent, queue } = linger(1);
  assert.equal(queue.takes('a'), true);
  clock.advance(9);
  assert.equal(queue.takes('b'), true);
  assert.deepEqual(sent, []);
  clock.advance(1);
  assert.deepEqual(sent, [['a', 'b']]);
  assert.equal(clock.pendingTimers, 0);
});

/** Or the second record would overtake the first one. */
test('as long as something waits, everything waits, even when the load is gone', () => {
  const { clock, sent, busy, queue } = linger(1);
  queue.takes('a');
  busy.utilization = 0;
  assert.equal(queue.takes('b'), true);
  clock.advance(10);
  assert.deepEqual(sent, [['a', 'b']]);
  assert.equal(queue.takes('c'), false);
});

test('a flush sends at once, and only once', () => {
  const { clock, sent, queue } = linger(1);
  queue.takes('a');
  queue.flush();
  queue.flush();
  clock.advance(100);
  assert.deepEqual(sent, [['a']]);
  assert.equal(clock.pendingTimers, 0);
});
