/** What a request says about where its reply goes, through both handlers. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { nodeId } from '../../bridge/node-id';
import { routeTagOf } from '../../bridge/reply/route-tag';
import { FakeKong } from '../support/fake-kong';
import { headerOf } from '../support/fake-kafka';
import { route, SERVERS } from '../support/route';

test('partition: the request names the partition that is read, and its id says it too', async () => {
  const { kafka, producer } = route({
    producer: { reply_routing: 'partition', reply_partition: 7, dialects: ['plain', 'nestjs'] },
  });
  await producer.access(new FakeKong());
  const { record } = kafka.produced[0]!;
  assert.equal(headerOf(record, 'reply-partition'), '7');
  assert.equal(headerOf(record, 'kafka_replyPartition'), '7');
  assert.equal(routeTagOf(headerOf(record, 'correlation-id')!), 7);
});

test('partition: a client cannot name another one', async () => {
  const { kafka, producer } = route({
    producer: {
      reply_routing: 'partition',
      reply_partition: 7,
      dialects: ['plain'],
      headers: { forward_all_by_default: true },
    },
  });
  await producer.access(
    new FakeKong({ headers: { 'reply-partition': '1', Reply_Partition: '2', kafka_replyPartition: '3' } }),
  );
  const { record } = kafka.produced[0]!;
  const named = record.headers.filter(([name]) => /partition/i.test(name));
  assert.deepEqual(named, [['reply-partition', '7']]);
});

test('partition, each plugin in a process of its own: only a configured partition is named', async () => {
  for (const [reply_partition, named] of [
    [7, '7'],
    [undefined, undefined],
  ] as const) {
    const { kafka, producer } = route({
      producer: { reply_routing: 'partition', reply_partition, dialects: ['plain'] },
      together: false,
    });
    await producer.access(new FakeKong());
    assert.equal(headerOf(kafka.produced[0]!.record, 'reply-partition'), named);
  }
});

test('topic: the request names the topic of this node, which is kept as long as it is used', async () => {
  const { clock, kafka, producer, nothingPending } = route({
    producer: { reply_routing: 'topic', reply_topic: 'replies.{node}' },
  });
  const own = `replies.gateway-${nodeId({}, hostname())}`;
  await producer.access(new FakeKong());
  assert.equal(headerOf(kafka.produced[0]!.record, 'reply-to'), own);
  assert.deepEqual([...kafka.followed.keys()], [own]);
  assert.deepEqual([...kafka.kept], [own]);
  producer.close();
  clock.advance(60_000);
  assert.deepEqual([...kafka.kept], []);
  nothingPending();
});

/** Without signs of life the other gateways would delete the topic of a consumer that had nothing to do for a while. */
test('topic, each plugin in a process of its own: the consumer keeps the topic it reads', () => {
  const { clock, kafka, consumer } = route({
    consumer: { bootstrap_servers: SERVERS, topic: 'replies.{node}' },
    together: false,
  });
  const own = `replies.gateway-${nodeId({}, hostname())}`;
  assert.deepEqual([...kafka.followed.keys()], [own]);
  assert.deepEqual([...kafka.kept], [own]);
  consumer.close();
  clock.advance(60_000);
  assert.deepEqual([...kafka.kept], []);
});
