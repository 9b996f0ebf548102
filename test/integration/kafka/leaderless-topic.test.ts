/**
 * A topic whose brokers are gone keeps its records in the client until they time out, half a minute later. They filled
 * the queue that all topics of a connection share, and the requests of every other route were refused as `overloaded`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { GatewayError } from '../../../bridge/errors';
import { partitionOfKey } from '../../../bridge/kafka/key-partition';
import { useKafkaBehindProxy } from './kafka-behind-proxy';
import { connect, deliver, until } from './support';

const QUEUE = 100;

const kafka = useKafkaBehindProxy();

/** A producer with a small queue; `send` tells the code of a refusal, or undefined. */
async function open(t: TestContext) {
  const { producer } = connect(t, kafka.connection, {
    // Leaders that are back shall be found soon.
    producer: { 'queue.buffering.max.messages': QUEUE, 'topic.metadata.refresh.interval.ms': 1000 },
  });
  await producer.whenUp();
  const refusals: string[] = [];
  const send = (topic: string, record: { key?: string; partition?: number } = {}) => {
    try {
      producer.produce({ topic, value: null, headers: [], ...record }, () => undefined);
      return undefined;
    } catch (error) {
      refusals.push((error as GatewayError).detail);
      return (error as GatewayError).code;
    }
  };
  const stalled = () => producer.status()['stalled_topics'] as { topic: string }[];
  return { producer, send, refusals, stalled };
}

test('a topic without a leader leaves room for others, is told, refused, and served when it has one again', async (t) => {
  await kafka.server.createTopic('good');
  await kafka.server.createTopic('bad', { partitions: 2 });
  // Before the client learns of leaders, with its first metadata: the real one serves all the same.
  kafka.proxy.leaderless.set('bad', 'all');
  const { producer, send, refusals, stalled } = await open(t);
  await deliver(producer, { topic: 'good' });

  const codes = Array.from({ length: QUEUE }, () => send('bad'));
  assert.deepEqual(codes.slice(0, QUEUE / 2), Array(QUEUE / 2).fill(undefined));
  assert.deepEqual(codes.slice(QUEUE / 2), Array(QUEUE / 2).fill('overloaded'));
  for (let i = 0; i < QUEUE; i++) await deliver(producer, { topic: 'good' });

  await until(
    'it is told',
    () => stalled().some(({ topic }) => topic === 'bad') && send('bad') === 'not_ready',
  );
  assert.match(refusals.at(-1) ?? '', /^Topic bad has no leader for 2 of its 2 partitions/);
  await deliver(producer, { topic: 'good' });

  kafka.proxy.leaderless.delete('bad');
  await until('it is served again', () => producer.outstanding === 0, 20_000);
  await until('nothing is refused', () => send('bad') === undefined);
  await until('nothing stalls', () => stalled().length === 0);
});

test('where one partition has no leader, only records that belong there are refused', async (t) => {
  await kafka.server.createTopic('half', { partitions: 2 });
  kafka.proxy.leaderless.set('half', [1]);
  t.after(() => kafka.proxy.leaderless.clear());
  const { producer, send, stalled } = await open(t);
  const keyFor = (partition: number) =>
    ['a', 'b', 'c', 'd'].find((key) => partitionOfKey(key, 2) === partition);
  const [fine = '', lost = ''] = [keyFor(0), keyFor(1)];

  assert.equal(send('half', { key: lost }), undefined);
  await until('it is known', () => stalled().length > 0 && send('half', { key: lost }) === 'not_ready');
  assert.equal(send('half', { partition: 1 }), 'not_ready');
  await deliver(producer, { topic: 'half', key: fine });
  for (let i = 0; i < 20; i++) await deliver(producer, { topic: 'half' });

  kafka.proxy.leaderless.clear();
  await until('it is served again', () => send('half', { key: lost }) === undefined, 20_000);
  await until('all have arrived', () => producer.outstanding === 0, 20_000);
});
