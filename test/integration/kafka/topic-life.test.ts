/** What happens to a reply topic while it is read, and what other producers do to it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { createTopic, deleteTopic } from '../../../bridge/kafka/admin';
import { ConsumerSession } from '../../../bridge/kafka/consumer-session';
import type { RecordProducer } from '../../../bridge/kafka/producer';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { deleteRecordsBefore, produceRaw } from '../../support/raw-kafka';
import { connect, deliver, Inbox, openChannel, reply, until } from './support';
import { TransactionalProducer } from './transactions';

const kafka = useKafka({
  properties: {
    'auto.create.topics.enable': 'false',
    'log.cleaner.backoff.ms': '100',
    'transaction.state.log.num.partitions': '1',
  },
});

const port = () => kafka.server.nodes[0]?.port ?? assert.fail('a server has a node');

/** By a client that has not known the old topic, of which the broker takes leave a moment after it has said so. */
async function writtenAnew(producer: RecordProducer, topic: string, text: string): Promise<void> {
  await until('the broker has the new topic', () =>
    producer.watermarks(topic, [0]).then(
      ([marks]) => marks?.high === 0,
      () => false,
    ),
  );
  await produceRaw({ port: port(), topic }, [{ value: Buffer.from(text) }]);
}

// Side by side: most of their time is waiting.
describe('while a reply topic is read', { concurrency: true }, () => {
  test('a topic that is deleted ends waits at once, and is followed again when it is back', async (t) => {
    const topic = await kafka.topic({ partitions: 2 });
    const { producer, reader } = connect(t, kafka.connection);
    const { channel, wait } = openChannel(reader, topic);
    await channel.whenReady();
    const ended = wait('a');
    await deleteTopic(kafka.connection, topic);
    assert.equal(await ended, 'reply_reader_lost');
    assert.equal(channel.ready, false);
    await until('it tells why', () => /does not exist/.test(channel.reason ?? ''));

    await createTopic(kafka.connection, topic, { partitions: 2 });
    await channel.whenReady();
    const again = wait('b');
    await deliver(producer, reply(topic, 'b', 'mine'));
    assert.equal(await again, 'mine');
    assert.equal(channel.inFlight, 0);
  });

  /** The old position is behind the end of the new topic. With 'latest' as the way out of five first replies one was lost. */
  test('a topic that is deleted and made anew between two checks loses no reply', async (t) => {
    const topic = await kafka.topic();
    const { producer, reader } = connect(t, kafka.connection);
    const inbox = new Inbox();
    const followed = reader.follow(topic, {
      from: 'end',
      onRecord: inbox.onRecord,
      onLost: () => assert.fail('it was back before anybody noticed'),
    });
    await followed.whenReady();
    for (const text of ['1', '2', '3', '4', '5'])
      await deliver(producer, { topic, value: Buffer.from(text) });
    await inbox.has(5);
    await deleteTopic(kafka.connection, topic);
    await createTopic(kafka.connection, topic);
    await writtenAnew(producer, topic, 'new');
    await inbox.has(6);
    assert.deepEqual(inbox.texts, ['1', '2', '3', '4', '5', 'new']);
    assert.equal(followed.ready, true);
  });

  /**
   * A configuration that gives replies later reads back what was there. The others passed over those records by their offsets,
   * and went on doing so in the new topic: as many replies as had been in the old one were for nobody.
   */
  test('a topic that was read back and is then made anew loses no reply, either', async (t) => {
    const topic = await kafka.topic();
    const { producer, reader } = connect(t, kafka.connection);
    const inbox = new Inbox();
    await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
    for (const text of ['1', '2', '3', '4', '5'])
      await deliver(producer, { topic, value: Buffer.from(text) });
    await inbox.has(5);
    const earlier = new Inbox();
    await reader
      .follow(topic, { from: { sinceMs: 0 }, upToNow: true, onRecord: earlier.onRecord })
      .whenReady();
    await earlier.has(5);
    await deleteTopic(kafka.connection, topic);
    await createTopic(kafka.connection, topic);
    await writtenAnew(producer, topic, 'new');
    await inbox.has(6);
    assert.deepEqual(inbox.texts, ['1', '2', '3', '4', '5', 'new']);
  });

  /** The gateway went on naming a partition that was not there any more: each of its requests ended at its deadline. */
  test('a topic that is made anew without the partition of a gateway ends its waits, and gives it another', async (t) => {
    const topic = await kafka.topic({ partitions: 6 });
    const { producer, reader } = connect(t, kafka.connection);
    const { channel, wait } = openChannel(reader, topic, { partition: { number: 5, wraps: true } });
    await channel.whenReady();
    assert.equal(channel.partition, 5);
    const ended = wait('a');
    await deleteTopic(kafka.connection, topic);
    await createTopic(kafka.connection, topic, { partitions: 3 });
    assert.equal(await ended, 'reply_reader_lost');
    await channel.whenReady();
    assert.equal(channel.partition, 2);
    const again = wait('b');
    await deliver(producer, { ...reply(topic, 'b', 'mine'), partition: 2 });
    assert.equal(await again, 'mine');
  });

  test('a gateway that must have a partition says so when the topic is made anew without it', async (t) => {
    const topic = await kafka.topic({ partitions: 4 });
    const { reader } = connect(t, kafka.connection);
    const { channel, wait } = openChannel(reader, topic, { partition: { number: 3, wraps: false } });
    await channel.whenReady();
    const ended = wait('a');
    await deleteTopic(kafka.connection, topic);
    await createTopic(kafka.connection, topic, { partitions: 2 });
    assert.equal(await ended, 'reply_reader_lost');
    await until('it tells why', () => /has no partition 3, only 0 to 1/.test(channel.reason ?? ''));
    assert.equal(channel.ready, false);
  });

  test('who reads all of a topic goes on when it is made anew with fewer partitions', async (t) => {
    const topic = await kafka.topic({ partitions: 3 });
    const { producer, reader } = connect(t, kafka.connection);
    const inbox = new Inbox();
    const followed = reader.follow(topic, {
      from: 'end',
      onRecord: inbox.onRecord,
      onLost: () => assert.fail('none of its partitions is missed'),
    });
    await followed.whenReady();
    const partitions = () => (reader.status() as { topics: { partitions: number }[] }).topics[0]?.partitions;
    assert.equal(partitions(), 3);
    await deleteTopic(kafka.connection, topic);
    await createTopic(kafka.connection, topic);
    await until('the others are known to be gone', () => partitions() === 1);
    await writtenAnew(producer, topic, 'new');
    await inbox.has(1);
    assert.deepEqual(inbox.texts, ['new']);
    assert.equal(followed.ready, true);
  });

  /** Zilla went wrong when retention deleted what it was about to read (aklivity/zilla#897). */
  test('a position that retention has overtaken goes on at the new beginning', async (t) => {
    const topic = await kafka.topic();
    for (const text of ['0', '1', '2', '3'])
      await produceRaw({ port: port(), topic }, [{ value: Buffer.from(text) }]);
    await deleteRecordsBefore({ port: port(), topic }, 3);
    const inbox = new Inbox();
    const session = new ConsumerSession({
      name: 'overtaken reader',
      connection: kafka.connection,
      assignment: () => [{ topic, partition: 0, offset: 1 }],
      onRecord: inbox.onRecord,
    });
    t.after(() => session.close());
    await inbox.has(1);
    await produceRaw({ port: port(), topic }, [{ value: Buffer.from('4') }]);
    await inbox.has(2);
    assert.deepEqual(inbox.texts, ['3', '4']);
    assert.equal(session.counters.readErrors, 0);
  });

  test('in a compacted topic offsets are missing, and nothing else is', async (t) => {
    const config = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '100' };
    const topic = await kafka.topic({ config });
    const { producer, reader } = connect(t, kafka.connection);
    await producer.whenUp();
    for (const value of ['old', 'old', 'last']) await deliver(producer, { topic, key: 'a', value: Buffer.from(value) }); // prettier-ignore
    const readAll = async () => {
      // A segment is closed, and may be cleaned, when a record comes after its time.
      await deliver(producer, { topic, key: 'tick', value: Buffer.from('tick') });
      const inbox = new Inbox();
      const followed = reader.follow(topic, { from: { sinceMs: 0 }, onRecord: inbox.onRecord });
      await followed.whenReady();
      await inbox.has(1);
      followed.stop();
      return inbox.records[0];
    };
    const deadlineMs = performance.now() + 20_000;
    let first = await readAll();
    // Segments are cleaned one after the other: the second 'old' may outlive the first.
    while ((first?.offset ?? 0) < 2 && performance.now() < deadlineMs) first = await readAll();
    assert.deepEqual([first?.offset, first?.value?.toString()], [2, 'last']);

    const { channel, wait } = openChannel(reader, topic);
    await channel.whenReady();
    const answer = wait('b');
    await deliver(producer, { ...reply(topic, 'b', 'mine'), key: 'b' });
    assert.equal(await answer, 'mine');
    assert.equal(channel.inFlight, 0);
  });

  /**
   * Control records take offsets without being records. An open transaction holds back what is behind it in its
   * partition: with other bridges one slow partition stopped all (aklivity/zilla#1628).
   */
  test('replies in transactions: committed ones come, aborted ones never, other partitions do not wait', async (t) => {
    const topic = await kafka.topic({ partitions: 2 });
    const service = await TransactionalProducer.connect(kafka.bootstrapServers, kafka.uniqueName('service'));
    t.after(() => service.close());
    const { producer, reader } = connect(t, kafka.connection);
    const { channel, wait } = openChannel(reader, topic);
    await channel.whenReady();
    const ended: string[] = [];
    const [aborted, behind, beside, committed] = ['aborted', 'behind', 'beside', 'committed'].map((id) =>
      wait(id).finally(() => ended.push(id)),
    );

    await service.begin();
    await service.send({ ...reply(topic, 'aborted', 'never'), partition: 0 });
    await deliver(producer, { ...reply(topic, 'behind', 'later'), partition: 0 });
    await deliver(producer, { ...reply(topic, 'beside', 'now'), partition: 1 });
    assert.equal(await beside, 'now');
    assert.deepEqual(ended, ['beside']);
    await service.abort();
    assert.equal(await behind, 'later');

    await service.begin();
    await service.send({ ...reply(topic, 'committed', 'yes'), partition: 0 });
    await service.commit();
    assert.equal(await committed, 'yes');
    assert.equal(channel.inFlight, 1);
    channel.fail(channel.topic.waits.find('aborted')!, new GatewayError('internal', 'the test is over'));
    assert.equal(await aborted, 'internal');
    assert.equal(channel.counters.replies, 3);
    assert.equal(reader.status()['records'], 3);

    // The end of the topic is behind a control record now.
    const fromEnd = openChannel(connect(t, kafka.connection).reader, topic);
    await fromEnd.channel.whenReady();
    const first = fromEnd.wait('first');
    await deliver(producer, { ...reply(topic, 'first', 'mine'), partition: 0 });
    assert.equal(await first, 'mine');
  });
});
