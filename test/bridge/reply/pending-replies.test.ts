import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { PendingReplies } from '../../../bridge/reply/pending-replies';
import { FakeClock } from '../../support/fake-clock';

const timeout = () => new GatewayError('reply_timeout', 'no reply');

function registry(capacity = 100) {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const pending = new PendingReplies<string>({ capacity, clock, wheel });
  const nothingLeft = () => {
    assert.equal(pending.size, 0);
    assert.equal(wheel.size, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, pending, nothingLeft };
}

test('a reply settles its own wait and leaves nothing pending', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.equal(pending.settle('a', 'hello'), true);
  assert.deepEqual(await wait.outcome, { reply: 'hello' });
  nothingLeft();
});

test('the second reply finds nobody', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.equal(pending.settle('a', 'first'), true);
  assert.equal(pending.settle('a', 'second'), false);
  assert.deepEqual(await wait.outcome, { reply: 'first' });
  nothingLeft();
});

test('a foreign id settles nobody and never throws', () => {
  const { pending, nothingLeft } = registry();
  assert.equal(pending.settle('__proto__', 'x'), false);
  assert.equal(pending.fail('constructor', timeout()), false);
  nothingLeft();
});

test('the deadline ends a wait with the error made for it', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  clock.advance(120);
  const outcome = await wait.outcome;
  assert.equal('error' in outcome && outcome.error.code, 'reply_timeout');
  assert.equal(pending.settle('a', 'late'), false);
  nothingLeft();
});

test('a failed delivery ends the wait at once', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 5000, timeout);
  pending.fail('a', new GatewayError('produce_failed', 'refused'));
  const outcome = await wait.outcome;
  assert.equal('error' in outcome && outcome.error.code, 'produce_failed');
  nothingLeft();
});

test('a wait whose deadline is moved ends at the new one', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 10_000, timeout);
  pending.extend('a', clock.now() + 50);
  clock.advance(70);
  assert.ok('error' in (await wait.outcome));
  pending.extend('a', clock.now() + 50);
  nothingLeft();
});

test('an id in flight is refused and the first wait is unharmed', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.throws(() => pending.register('a', clock.now() + 100, timeout), { code: 'correlation_conflict' });
  pending.settle('a', 'mine');
  assert.deepEqual(await wait.outcome, { reply: 'mine' });
  nothingLeft();
});

test('one wait over the capacity is refused, and accepted again when one has ended', () => {
  const { clock, pending, nothingLeft } = registry(2);
  pending.register('a', clock.now() + 100, timeout);
  pending.register('b', clock.now() + 100, timeout);
  assert.throws(() => pending.register('c', clock.now() + 100, timeout), {
    code: 'overloaded',
    detail: '2 requests are in flight, which is the limit (max_in_flight)',
  });
  pending.settle('a', '');
  pending.register('c', clock.now() + 100, timeout);
  pending.failAll(timeout());
  nothingLeft();
});

test('close fails every wait and refuses new ones', async () => {
  const { clock, pending, nothingLeft } = registry();
  const waits = ['a', 'b', 'c'].map((id) => pending.register(id, clock.now() + 100, timeout));
  pending.close(new GatewayError('draining', 'closed'));
  for (const wait of waits) {
    const outcome = await wait.outcome;
    assert.equal('error' in outcome && outcome.error.code, 'draining');
  }
  assert.throws(() => pending.register('d', clock.now() + 100, timeout), { code: 'draining' });
  nothingLeft();
});

test('whatever races for a wait, exactly one wins', async () => {
  const { clock, pending, nothingLeft } = registry(10_000);
  let replies = 0;
  let timeouts = 0;
  for (let i = 0; i < 3000; i++) {
    const id = `id-${i}`;
    const wait = pending.register(id, clock.now() + 100, timeout);
    // The reply arrives from 20 ms before to 20 ms after the deadline.
    clock.advance(80 + (i % 41));
    const settled = pending.settle(id, 'reply');
    clock.advance(40);
    const outcome = await wait.outcome;
    assert.equal('reply' in outcome, settled);
    if ('reply' in outcome) replies++;
    else timeouts++;
  }
  assert.equal(replies + timeouts, 3000);
  assert.ok(replies > 0 && timeouts > 0);
  nothingLeft();
});
