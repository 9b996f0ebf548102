import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiters } from '../../bridge/kafka/waiters';
import { reached } from '../../replay/reached';
import { FakeClock } from '../support/fake-clock';

function lab(reason?: string) {
  const clock = new FakeClock();
  const waiters = new Waiters();
  return { clock, waiters, done: reached({ whenUp: () => waiters.wait(), reason }, 30_000, clock) };
}

/** It waited for ever, and said nothing: neither that brokers were away, nor that their names were wrong. */
test('brokers that are not there are not waited for without end, and the reason is said', async () => {
  for (const [reason, told] of [
    ['connection refused', /not reached in 30 seconds: connection refused\./],
    [undefined, /nobody answers/],
  ] as const) {
    const { clock, done } = lab(reason);
    const ended = assert.rejects(done, told);
    clock.advance(30_000);
    await ended;
  }
});

test('once they answer nothing is left to wait for', async () => {
  const { clock, waiters, done } = lab();
  waiters.resolve();
  await done;
  assert.equal(clock.pendingTimers, 0);
});
