import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPartitions, createTopic } from '../../../bridge/kafka/admin';
import { ConsumerSession } from '../../../bridge/kafka/consumer-session';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { connect, deliver, Inbox, until } from './support';

// The tests that wait for a topic must find it missing: asking for it would create it otherwise.
const kafka = useKafka({ properties: { 'auto.create.topics.enable': 'false' } });

test('the first record after ready is never missed', async (t) => {
  // With the offset 'latest' instead of a number about two of three were.
  for (let round = 0; round < 20; round++) {
    const topic = await kafka.topic({ partitions: 3 });
    const { producer, reader } = connect(t, kafka.connection);
    const inbox = new Inbox();
    await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
    await deliver(producer, { topic, value: Buffer.from(`first of ${round}`) });
    await inbox.has(1);
    await reader.close();
    await producer.close();
    assert.deepEqual(inbox.texts, [`first of ${round}`]);
  }
});

test('records from before are not read', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  await producer.whenUp();
  await deliver(producer, { topic, value: Buffer.from('old') });
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(producer, { topic, value: Buffer.from('new') });
  await inbox.has(1);
  assert.deepEqual(inbox.texts, ['new']);
});

test('a follower may ask for records since a time, and others do not see them twice', async (t) => {
  const topic = await kafka.topic({ partitions: 2 });
  const { producer, reader } = connect(t, kafka.connection);
  const fromEnd = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: fromEnd.onRecord }).whenReady();
  await deliver(producer, { topic, partition: 0, value: Buffer.from('too early') });
  await fromEnd.has(1);
  await until('the clock has moved on', () => Date.now() > (fromEnd.records[0]?.timestamp ?? Infinity));
  const sinceMs = Date.now();
  await deliver(producer, { topic, partition: 0, value: Buffer.from('a') });
  await deliver(producer, { topic, partition: 0, value: Buffer.from('b') });
  await fromEnd.has(3);
  const sinceThen = new Inbox();
  await reader.follow(topic, { from: { sinceMs }, onRecord: sinceThen.onRecord }).whenReady();
  await sinceThen.has(2);
  await deliver(producer, { topic, partition: 0, value: Buffer.from('c') });
  await deliver(producer, { topic, partition: 1, value: Buffer.from('d') });
  await Promise.all([sinceThen.has(4), fromEnd.has(5)]);
  assert.deepEqual(sinceThen.texts.sort(), ['a', 'b', 'c', 'd']);
  assert.deepEqual(fromEnd.texts.sort(), ['a', 'b', 'c', 'd', 'too early']);
});

test('followers of one topic share its position, and a second one is ready at once', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const first = new Inbox();
  const second = new Inbox();
  const followed = reader.follow(topic, { from: 'end', onRecord: first.onRecord });
  await followed.whenReady();
  const late = reader.follow(topic, { from: 'end', onRecord: second.onRecord });
  assert.equal(late.ready, true);
  await deliver(producer, { topic, value: Buffer.from('both') });
  await Promise.all([first.has(1), second.has(1)]);
  followed.stop();
  followed.stop();
  assert.equal(followed.ready, false);
  await deliver(producer, { topic, value: Buffer.from('second only') });
  await second.has(2);
  assert.deepEqual(first.texts, ['both']);
  await assert.rejects(followed.whenReady(), { code: 'not_ready' });
});

test('a further topic joins without losing or repeating records of the first', async (t) => {
  const [one, two] = [await kafka.topic(), await kafka.topic()];
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(one, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  let sent = 0;
  const stream = setInterval(() => {
    producer.produce({ topic: one, value: Buffer.from(String(sent++)), headers: [] }, () => undefined);
  }, 1);
  t.after(() => clearInterval(stream));
  const other = new Inbox();
  await inbox.has(20);
  const followed = reader.follow(two, { from: 'end', onRecord: other.onRecord });
  await followed.whenReady();
  await deliver(producer, { topic: two, value: Buffer.from('x') });
  await other.has(1);
  followed.stop();
  const before = sent;
  await inbox.has(before + 100);
  clearInterval(stream);
  await inbox.has(sent);
  assert.deepEqual(
    inbox.texts,
    Array.from({ length: sent }, (_, i) => String(i)),
  );
});

test('a topic that is created later is followed from its creation', async (t) => {
  const topic = kafka.uniqueName('later');
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  const followed = reader.follow(topic, { from: 'end', onRecord: inbox.onRecord });
  await until('the topic is known to be missing', () => /does not exist/.test(followed.reason ?? ''));
  assert.equal(followed.ready, false);
  await createTopic(kafka.connection, topic, { partitions: 2 });
  await followed.whenReady();
  assert.equal(followed.reason, undefined);
  await deliver(producer, { topic, partition: 1, value: Buffer.from('hello') });
  await inbox.has(1);
});

test('partitions added later are read from their first record within ten seconds', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await createPartitions(kafka.connection, topic, 3);
  assert.equal(await producer.partitionsOf(topic), 3);
  for (const partition of [1, 2, 0])
    await deliver(producer, { topic, partition, value: Buffer.from(`p${partition}`) });
  await inbox.has(3, 10_000);
  assert.deepEqual(inbox.texts.sort(), ['p0', 'p1', 'p2']);
});

test('a follower that throws stops neither the reader nor the others', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  reader.follow(topic, {
    from: 'end',
    onRecord: () => {
      throw new Error('a bug of the caller');
    },
  });
  for (const text of ['a', 'b']) await deliver(producer, { topic, value: Buffer.from(text) });
  await inbox.has(2);
  assert.equal(reader.status()['callback_errors'], 2);
});

test('close ends every follower and can be called twice', async (t) => {
  const topic = await kafka.topic();
  const { reader } = connect(t, kafka.connection);
  const followed = reader.follow(topic, { from: 'end', onRecord: () => undefined });
  const missing = reader.follow(kafka.uniqueName('missing'), { from: 'end', onRecord: () => undefined });
  const neverReady = missing.whenReady();
  await followed.whenReady();
  await Promise.all([reader.close(), reader.close(), assert.rejects(neverReady, { code: 'not_ready' })]);
  assert.equal(followed.ready, false);
  assert.throws(() => reader.follow(topic, { from: 'end', onRecord: () => undefined }), {
    code: 'not_ready',
  });
});

test('a session can join a group, and a successor goes on where it stopped', async (t) => {
  const topic = await kafka.topic({ partitions: 2 });
  const groupId = kafka.uniqueName('group');
  const { producer } = connect(t, kafka.connection);
  await producer.whenUp();
  const join = (inbox: Inbox) => {
    const session = new ConsumerSession({
      name: 'worker',
      connection: kafka.connection,
      tuning: { groupId },
      subscribe: [topic],
      onRecord: inbox.onRecord,
    });
    t.after(() => session.close());
    return session;
  };
  const first = new Inbox();
  const session = join(first);
  for (const text of ['a', 'b']) await deliver(producer, { topic, value: Buffer.from(text) });
  await first.has(2);
  await session.close();
  const second = new Inbox();
  join(second);
  await deliver(producer, { topic, value: Buffer.from('c') });
  await second.has(1);
  assert.deepEqual(second.texts, ['c']);
});
