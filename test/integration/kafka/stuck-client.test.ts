/**
 * After a broker's controlled stop, librdkafka clients were found without any broker in their list, for ever: produce
 * accepted records that then timed out one by one, and the reader was silent. It happened in about one of twenty
 * restarts; with recovery switched off and an answer without brokers it happens every time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../bridge/errors';
import { TopicReader } from '../../../bridge/kafka/reader';
import { useKafkaBehindProxy } from './kafka-behind-proxy';
import { connect, deliver, Inbox, until } from './support';

const NEVER_RECOVERS = { 'metadata.recovery.strategy': 'none' };
const HEALED_WITHIN_MS = 3000;

const kafka = useKafkaBehindProxy();

test('a producer without brokers is replaced, and what it held is reported at once', async (t) => {
  await kafka.server.createTopic('requests');
  const { producer } = connect(
    t,
    { ...kafka.connection, clientId: 'stuck-producer' },
    { producer: NEVER_RECOVERS },
  );
  await producer.whenUp();
  await deliver(producer, { topic: 'requests' });

  kafka.proxy.victim = 'stuck-producer';
  const before = kafka.proxy.emptyAnswers;
  await producer.partitionsOf('requests').catch(() => 0);
  assert.ok(kafka.proxy.emptyAnswers > before, 'the client was told that there are no brokers');
  const outcomes: GatewayError[] = [];
  try {
    producer.produce({ topic: 'requests', value: null, headers: [] }, (error) =>
      outcomes.push(error ?? assert.fail()),
    );
  } catch (error) {
    // The loss of the last broker may already be known.
    outcomes.push(error as GatewayError);
  }
  kafka.proxy.victim = undefined;
  const over = performance.now();

  await until('the client was replaced', () => producer.status()['replaced'] === 1, HEALED_WITHIN_MS);
  await producer.whenUp();
  await deliver(producer, { topic: 'requests' });
  assert.ok(performance.now() - over < HEALED_WITHIN_MS, `${performance.now() - over} ms`);
  assert.deepEqual(outcomes.length, 1);
  assert.match(outcomes[0]?.code ?? '', /^(produce_timeout|not_ready)$/);
  assert.equal(producer.outstanding, 0);
});

test('a reader without brokers is replaced and goes on where it was', async (t) => {
  await kafka.server.createTopic('replies', { partitions: 2 });
  const { producer } = connect(t, { ...kafka.connection, clientId: 'healthy' });
  const reader = new TopicReader({ ...kafka.connection, clientId: 'stuck-reader' }, producer, {
    // It hears the bad news by itself only when it asks for metadata often.
    overrides: { ...NEVER_RECOVERS, 'topic.metadata.refresh.interval.ms': 200 },
  });
  t.after(() => reader.close());
  const inbox = new Inbox();
  const followed = reader.follow('replies', { from: 'end', onRecord: inbox.onRecord });
  await Promise.all([followed.whenReady(), producer.whenUp()]);
  let next = 0;
  const send = () =>
    deliver(producer, { topic: 'replies', partition: next % 2, value: Buffer.from(String(next++)) });
  for (let i = 0; i < 10; i++) await send();
  await inbox.has(10);

  kafka.proxy.victim = 'stuck-reader';
  const before = kafka.proxy.emptyAnswers;
  await until('the reader was told that there are no brokers', () => kafka.proxy.emptyAnswers > before);
  kafka.proxy.victim = undefined;
  const over = performance.now();
  for (let i = 0; i < 10; i++) await send();

  await until('the client was replaced', () => reader.status()['replaced'] === 1, HEALED_WITHIN_MS);
  await followed.whenReady();
  await inbox.has(20);
  assert.ok(performance.now() - over < HEALED_WITHIN_MS, `${performance.now() - over} ms`);
  await send();
  await inbox.has(21);
  assert.deepEqual(
    inbox.texts.map(Number).sort((a, b) => a - b),
    Array.from({ length: 21 }, (_, i) => i),
  );
});
