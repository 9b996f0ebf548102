import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { DeadlineWheel } from '../../../bridge/reply/deadline-wheel';
import { PendingReplies, type WaitOwner } from '../../../bridge/reply/pending-replies';
import { FakeClock } from '../../support/fake-clock';
import { outcomeOf } from '../../support/outcome-of';

const timeout = () => new GatewayError('reply_timeout', 'no reply');

class Owner implements WaitOwner {
  inFlight = 0;
  timedOut = 0;

  constructor(readonly capacity: number) {}

  onTimedOut(): void {
    this.timedOut++;
  }
}

function registry(capacity = 100) {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const registry = new PendingReplies<string, Owner>({ clock, wheel });
  const owner = new Owner(capacity);
  /** As its only owner sees it, by id. */
  const pending = {
    register: (id: string, deadlineAtMs: number, onDeadline: () => GatewayError) =>
      registry.register(owner, id, deadlineAtMs, onDeadline),
    settle: (id: string, reply: string) => settle(registry, id, reply),
    get size() {
      assert.equal(owner.inFlight, registry.size);
      return registry.size;
    },
  };
  const nothingLeft = () => {
    assert.equal(pending.size, 0);
    assert.equal(wheel.size, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, registry, owner, pending, nothingLeft };
}

function settle(registry: PendingReplies<string, Owner>, id: string, reply: string): boolean {
  const wait = registry.find(id);
  return wait !== undefined && registry.settle(wait, reply);
}

test('a reply settles its own wait and leaves nothing pending', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.equal(pending.settle('a', 'hello'), true);
  assert.deepEqual(await outcomeOf(wait), { reply: 'hello' });
  nothingLeft();
});

test('the second reply finds nobody', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.equal(pending.settle('a', 'first'), true);
  assert.equal(pending.settle('a', 'second'), false);
  assert.deepEqual(await outcomeOf(wait), { reply: 'first' });
  nothingLeft();
});

test('a foreign id settles nobody and never throws', () => {
  const { pending, nothingLeft } = registry();
  assert.equal(pending.settle('__proto__', 'x'), false);
  assert.equal(pending.settle('constructor', 'x'), false);
  nothingLeft();
});

test('the deadline ends a wait with the error made for it', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  clock.advance(120);
  const outcome = await outcomeOf(wait);
  assert.equal('error' in outcome && outcome.error.code, 'reply_timeout');
  assert.equal(pending.settle('a', 'late'), false);
  nothingLeft();
});

test('a failed delivery ends the wait at once', async () => {
  const { clock, registry: waits, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 5000, timeout);
  waits.fail(wait, new GatewayError('produce_failed', 'refused'));
  const outcome = await outcomeOf(wait);
  assert.equal('error' in outcome && outcome.error.code, 'produce_failed');
  nothingLeft();
});

test('a wait whose deadline is moved ends at the new one', async () => {
  const { clock, registry: waits, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 10_000, timeout);
  waits.extend(wait, clock.now() + 50);
  clock.advance(70);
  assert.ok('error' in (await outcomeOf(wait)));
  waits.extend(wait, clock.now() + 50);
  nothingLeft();
});

test('an id in flight is refused and the first wait is unharmed', async () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.throws(() => pending.register('a', clock.now() + 100, timeout), { code: 'correlation_conflict' });
  pending.settle('a', 'mine');
  assert.deepEqual(await outcomeOf(wait), { reply: 'mine' });
  nothingLeft();
});

test('one wait over the capacity is refused, and accepted again when one has ended', () => {
  const { clock, registry: waits, pending, nothingLeft } = registry(2);
  pending.register('a', clock.now() + 100, timeout);
  pending.register('b', clock.now() + 100, timeout);
  assert.throws(() => pending.register('c', clock.now() + 100, timeout), {
    code: 'overloaded',
    detail: '2 requests are in flight, which is the limit (max_in_flight)',
  });
  pending.settle('a', '');
  pending.register('c', clock.now() + 100, timeout);
  waits.failAllOf(() => true, timeout());
  nothingLeft();
});

test('the waits of one owner end together, those of another go on', async () => {
  const { clock, registry: waits, owner, pending, nothingLeft } = registry();
  const ending = ['a', 'b', 'c'].map((id) => pending.register(id, clock.now() + 100, timeout));
  const other = new Owner(1);
  const going = waits.register(other, 'd', clock.now() + 100, timeout);
  waits.failAllOf((one) => one === owner, new GatewayError('draining', 'over'));
  for (const wait of ending) {
    const outcome = await outcomeOf(wait);
    assert.equal('error' in outcome && outcome.error.code, 'draining');
  }
  assert.deepEqual([owner.inFlight, other.inFlight], [0, 1]);
  waits.settle(going, 'a reply');
  assert.deepEqual(await outcomeOf(going), { reply: 'a reply' });
  nothingLeft();
});

/** Each configuration had ids of its own, and a client's on one route got the reply to another's on the next. */
test('an id waits once, whoever the owner is; a full owner leaves room for the others', () => {
  const { clock, registry: waits, pending, nothingLeft } = registry(1);
  const other = new Owner(1);
  const wait = pending.register('a', clock.now() + 100, timeout);
  assert.throws(() => waits.register(other, 'a', clock.now() + 100, timeout), {
    code: 'correlation_conflict',
  });
  waits.settle(waits.register(other, 'b', clock.now() + 100, timeout), '');
  waits.settle(wait, '');
  assert.throws(() => waits.register(other, 'a', clock.now() + 100, timeout), {
    code: 'correlation_conflict',
    detail: 'the correlation id was in flight a moment ago',
  });
  nothingLeft();
});

test('UUIDs of clients that differ only in case are one id', () => {
  const { clock, registry: waits, owner, nothingLeft } = registry();
  const id = '123E4567-E89B-42D3-A456-426614174000';
  const wait = waits.register(owner, id, clock.now() + 100, timeout, 'ours');
  assert.throws(() => waits.register(owner, id.toLowerCase(), clock.now() + 100, timeout, 'ours too'), {
    code: 'correlation_conflict',
  });
  assert.equal(waits.find(id.toLowerCase()), wait);
  waits.settle(wait, '');
  nothingLeft();
});

/** The delivery report of a record that had long been answered ended the next wait under its id. */
test('what comes late for one wait does nothing to a later one under the same id', async () => {
  const { clock, registry: waits, pending, nothingLeft } = registry();
  const first = pending.register('a', clock.now() + 100, timeout);
  waits.settle(first, 'first');
  clock.advance(200);
  const second = pending.register('a', clock.now() + 100, timeout);
  assert.equal(waits.fail(first, timeout()), false);
  waits.extend(first, clock.now());
  pending.settle('a', 'second');
  assert.deepEqual(await outcomeOf(second), { reply: 'second' });
  nothingLeft();
});

test('an owner is told of each wait that ended at its deadline, and of no other', () => {
  const { clock, registry: waits, owner, pending, nothingLeft } = registry();
  pending.register('a', clock.now() + 100, timeout);
  waits.fail(pending.register('b', clock.now() + 100, timeout), timeout());
  pending.settle(pending.register('c', clock.now() + 100, timeout).id, '');
  clock.advance(200);
  assert.equal(owner.timedOut, 1);
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
    const outcome = await outcomeOf(wait);
    assert.equal('reply' in outcome, settled);
    if ('reply' in outcome) replies++;
    else timeouts++;
  }
  assert.equal(replies + timeouts, 3000);
  assert.ok(replies > 0 && timeouts > 0);
  nothingLeft();
});

test('a wait ends as accepted at its deadline, where its record is delivered', async () => {
  for (const isDelivered of [true, false]) {
    const { clock, registry: waits, owner, pending, nothingLeft } = registry();
    const wait = pending.register('a', clock.now() + 100, timeout);
    wait.acceptAt('deadline');
    if (isDelivered) wait.delivered();
    clock.advance(120);
    const outcome = await outcomeOf(wait);
    assert.deepEqual('accepted' in outcome, isDelivered);
    assert.equal(owner.timedOut, isDelivered ? 0 : 1);
    assert.equal(waits.ended('a')?.how, isDelivered ? 'accepted' : 'failed');
    nothingLeft();
  }
});

test('or as soon as its record is delivered, whichever is known first; a reply before that is a reply', async () => {
  const { clock, pending, nothingLeft } = registry();
  const [before, after, replied] = ['a', 'b', 'c'].map((id) =>
    pending.register(id, clock.now() + 100, timeout),
  );
  before!.delivered();
  before!.acceptAt('delivery');
  after!.acceptAt('delivery');
  after!.delivered();
  replied!.acceptAt('delivery');
  pending.settle('c', 'fast');
  replied!.delivered();
  assert.deepEqual(await Promise.all([before!, after!, replied!].map(outcomeOf)), [
    { accepted: true },
    { accepted: true },
    { reply: 'fast' },
  ]);
  nothingLeft();
});

test('a hidden wait is found by nobody and ends like any other', async () => {
  const { clock, registry: waits, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  waits.hide(wait);
  assert.equal(pending.settle('a', 'not for it'), false);
  // Its id is free again, too.
  const other = pending.register('a', clock.now() + 100, timeout);
  assert.equal(waits.settle(wait, 'by whoever holds it'), true);
  assert.deepEqual(await outcomeOf(wait), { reply: 'by whoever holds it' });
  clock.advance(120);
  assert.equal('error' in (await outcomeOf(other)), true);
  nothingLeft();
});

test('everybody who listens to a wait is told, in order, also after its end', () => {
  const { clock, pending, nothingLeft } = registry();
  const wait = pending.register('a', clock.now() + 100, timeout);
  const told: number[] = [];
  for (const number of [1, 2, 3]) wait.whenEnded(() => told.push(number));
  pending.settle('a', 'yes');
  wait.whenEnded(() => told.push(4));
  assert.deepEqual(told, [1, 2, 3, 4]);
  nothingLeft();
});

test('an id of a moment ago may be waited for again only by who says that it is the same request', () => {
  const { clock, registry: waits, owner, pending, nothingLeft } = registry();
  pending.register('a', clock.now() + 100, timeout);
  pending.settle('a', 'yes');
  assert.throws(() => pending.register('a', clock.now() + 100, timeout), /a moment ago/);
  waits.register(owner, 'a', clock.now() + 100, timeout, undefined, true);
  assert.throws(
    () => waits.register(owner, 'a', clock.now() + 100, timeout, undefined, true),
    /is in flight/,
    'but never twice at once',
  );
  pending.settle('a', 'again');
  nothingLeft();
});
