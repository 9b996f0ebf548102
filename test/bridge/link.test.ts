/** How long requests wait for Kafka before they are sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { Waiters } from '../../bridge/kafka/waiters';
import { Link } from '../../bridge/link';
import { Activity } from '../../bridge/telemetry/activity';
import { FakeClock } from '../support/fake-clock';
import { requestMetrics } from '../support/request-metrics';

const settled = () => new Promise((resolve) => setImmediate(resolve));

class WaitingProducer {
  state: 'connecting' | 'up' | 'down' = 'connecting';
  readonly reason = undefined;
  readonly waiters = new Waiters();
  waits = 0;
  whenUp(): Promise<void> {
    this.waits++;
    return this.state === 'up' ? Promise.resolve() : this.waiters.wait();
  }
  produce(): void {
    assert.fail('nothing is sent here');
  }
  up(): void {
    this.state = 'up';
    this.waiters.resolve();
  }
}

function setUp() {
  const clock = new FakeClock();
  const producer = new WaitingProducer();
  const reader = { follow: () => assert.fail('nothing is read here') };
  let wanted = 0;
  const lease = {
    producer,
    reader,
    keepTopic: () => () => undefined,
    wanted: () => void wanted++,
    release: () => undefined,
  };
  const configuration = {
    topic: 't',
    replyTopic: undefined,
    cluster: 'c',
    activity: new Activity(clock),
    metrics: requestMetrics(clock),
  };
  let isDraining = false;
  const owner = {
    refuseWhenDraining: () => {
      if (isDraining) throw new GatewayError('draining', 'the process ends');
    },
  };
  const link = new Link(owner, clock, lease, undefined, configuration);
  const outcomes: string[] = [];
  const ask = async () => {
    await link.whenReady().then(
      () => outcomes.push('ready'),
      (error: { code: string }) => outcomes.push(error.code),
    );
  };
  const pass = async (durationMs: number) => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 50) {
      clock.advance(50);
      await settled();
    }
  };
  const drain = () => (isDraining = true);
  return { clock, producer, link, outcomes, ask, pass, drain, wanted: () => wanted };
}

test('the first requests wait, and are served when Kafka comes in time', async () => {
  const { clock, producer, outcomes, ask, pass } = setUp();
  const asked = [ask(), ask()];
  await pass(2900);
  assert.deepEqual(outcomes, []);
  producer.up();
  await Promise.all(asked);
  assert.deepEqual(outcomes, ['ready', 'ready']);
  assert.equal(clock.pendingTimers, 0);
});

/** Each request held a slot for three seconds, for as long as a reply topic was missing. */
test('what was waited for in vain is not waited for again until it has been there', async () => {
  const { producer, outcomes, ask, pass } = setUp();
  const first = ask();
  await pass(3000);
  await first;
  await ask();
  assert.deepEqual(outcomes, ['not_ready', 'not_ready']);
  producer.up();
  await ask();
  producer.state = 'connecting';
  const again = ask();
  await pass(2900);
  assert.deepEqual(outcomes, ['not_ready', 'not_ready', 'ready']);
  producer.up();
  await again;
  assert.equal(outcomes.at(-1), 'ready');
});

test('a cluster that is known to be down is not waited for, also not by who waits already', async () => {
  const { producer, outcomes, ask, pass } = setUp();
  const waiting = ask();
  await pass(100);
  producer.state = 'down';
  await ask();
  await pass(50);
  await waiting;
  assert.deepEqual(outcomes, ['not_ready', 'not_ready']);
});

/** Each waiting request added one to a list that was only emptied when Kafka came: for hours, maybe. */
test('however many wait, one promise waits for Kafka', async () => {
  const { producer, outcomes, ask, pass } = setUp();
  const asked = Array.from({ length: 1000 }, ask);
  await pass(3000);
  await Promise.all(asked);
  assert.deepEqual(new Set(outcomes), new Set(['not_ready']));
  assert.equal(producer.waits, 1);
});

test('while the process ends nobody is let through, also who has waited since before', async () => {
  const { producer, link, outcomes, ask, pass, drain, wanted } = setUp();
  const waiting = ask();
  await pass(100);
  drain();
  producer.up();
  await pass(50);
  await waiting;
  assert.throws(() => link.readyNow(), { code: 'draining' });
  producer.state = 'connecting';
  await ask();
  assert.deepEqual(outcomes, ['draining', 'draining']);
  assert.equal(wanted(), 1, 'Kafka is not looked for any more');
});

/** Pauses between attempts grow while nobody asks: requests are what ends them, also those that are refused. */
test('every request that finds Kafka away says that it is wanted, and no other', async () => {
  const { producer, ask, pass, wanted } = setUp();
  producer.state = 'down';
  await ask();
  await ask();
  assert.equal(wanted(), 2);
  producer.up();
  await ask();
  await pass(50);
  assert.equal(wanted(), 2);
});
