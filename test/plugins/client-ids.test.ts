/** `correlation: client`, through both handlers: the client chooses the id, and gets no reply but its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { headerOf } from '../support/fake-kafka';
import { FakeKong } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, route, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const OWN = 'kong-kafka-request-id';
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const asking = (requestId: string, headers: Record<string, string> = {}) =>
  new FakeKong({ requestId, headers: { 'kong-request-id': 'chosen', ...headers } });

/** A second route in the same process. */
function other(first: ReturnType<typeof route>, options: { producer?: object; consumer?: object } = {}) {
  const producer = new ProducerHandler(
    parseProducerConfig({
      bootstrap_servers: SERVERS,
      topic: 'others',
      reply_topic: 'replies',
      correlation: 'client',
      ...options.producer,
    }),
    first.requestReply,
  );
  const consumer = new ConsumerHandler(parseConsumerConfig(options.consumer ?? {}), first.requestReply);
  return { producer, consumer };
}

test("the record carries an id of ours beside the client's, and the client cannot set it", async () => {
  const { kafka, producer } = route({
    producer: { correlation: 'client', headers: { forward_all_by_default: true } },
  });
  await producer.access(asking('r1', { [OWN]: 'forged', Kong_Kafka_Request_Id: 'forged' }));
  const { record } = kafka.produced[0]!;
  assert.equal(headerOf(record, 'kafka_correlationId'), 'chosen');
  const own = record.headers.filter(([name]) => /^kong.kafka.request.id$/i.test(name));
  assert.equal(own.length, 1);
  assert.match(own[0]![1], UUID_V4);
});

/** Bytes of every record, for nothing. */
test('a record with a generated id carries no second one', async () => {
  for (const correlation of ['generated', 'client']) {
    const { kafka, producer } = route({ producer: { correlation } });
    await producer.access(new FakeKong());
    assert.equal(headerOf(kafka.produced[0]!.record, OWN), undefined);
  }
});

/** The second client got the reply to the first. */
for (const consumer of [{}, { match: 'key' }, { match: 'body_field' }]) {
  test(`another route of the reply topic refuses an id that waits: ${JSON.stringify(consumer)}`, async () => {
    const first = route({ producer: { correlation: 'client' }, consumer });
    const second = other(first);
    await first.producer.access(asking('victim'));
    const victim = asking('victim');
    const held = first.consumer.access(victim);
    await settled();
    const attacker = asking('attacker');
    await second.producer.access(attacker);
    assert.deepEqual([attacker.answer.status, attacker.answer.json.code], [409, 'correlation_conflict']);
    assert.equal(first.kafka.produced.length, 1, 'nothing is sent');
    const headers = consumer.match === undefined ? { kafka_correlationId: 'chosen' } : {};
    const value = '{"correlation-id":"chosen","for":"the victim"}';
    first.kafka.arrive(receivedRecord({ key: 'chosen', headers, value }));
    await held;
    assert.equal(victim.answer.json.for, 'the victim');
    first.nothingPending();
  });
}

/** After twice the timeout the id may be used again, and the late reply to its first use was taken for the second's. */
test('a late reply that carries the id of ours ends no later request under the same id', async () => {
  const { clock, kafka, producer, consumer, nothingPending } = route({
    producer: { correlation: 'client' },
    consumer: { timeout: 1000 },
  });
  const ask = async (requestId: string) => {
    await producer.access(asking(requestId));
    kafka.produced.at(-1)!.onDelivery(undefined);
    const kong = asking(requestId);
    const held = consumer.access(kong);
    await settled();
    return { kong, held, record: kafka.produced.at(-1)!.record };
  };
  const answerTo = (record: (typeof kafka.produced)[0]['record'], value: string) =>
    kafka.arrive(receivedRecord({ headers: Object.fromEntries(record.headers), value }));

  const first = await ask('first');
  clock.advance(1020);
  await first.held;
  assert.equal(first.kong.answer.json.code, 'reply_timeout');
  clock.advance(2100);
  const second = await ask('second');
  answerTo(first.record, 'late');
  await settled();
  assert.equal(second.kong.exits.length, 0);
  answerTo(second.record, 'in time');
  await second.held;
  assert.equal(second.kong.exits[0]!.body.toString(), 'in time');
  nothingPending();
});

test('apart: the id of ours crosses with the chosen one', async () => {
  const producing = route({ together: false, producer: { correlation: 'client' } });
  const consuming = route({ together: false, consumer: { bootstrap_servers: SERVERS, topic: 'replies' } });
  const first = asking('r1');
  await producing.producer.access(first);
  const own = headerOf(producing.kafka.produced[0]!.record, OWN)!;
  const kong = new FakeKong({}, first.shared);
  const held = consuming.consumer.access(kong);
  await settled();
  const reply = (requestId: string, value: string) =>
    receivedRecord({ headers: { kafka_correlationId: 'chosen', [OWN]: requestId }, value });
  consuming.kafka.arrive(reply('another', 'not mine'));
  consuming.kafka.arrive(reply(own, 'mine'));
  await held;
  assert.equal(kong.exits[0]!.body.toString(), 'mine');
  consuming.nothingPending();
  producing.nothingPending();
});

test('the status page counts the waits that ended at their deadline, by configuration and by topic', async () => {
  const { clock, producer, consumer, requestReply, nothingPending } = route({ consumer: { timeout: 1000 } });
  for (const requestId of ['one', 'two']) {
    await producer.access(new FakeKong({ requestId }));
    const held = consumer.access(new FakeKong({ requestId }));
    await settled();
    clock.advance(1020);
    await held;
  }
  const counted = (list: unknown) => (list as { timed_out: number }[]).map(({ timed_out }) => timed_out);
  const { reply_channels, reply_topics } = requestReply.status();
  assert.deepEqual([counted(reply_channels), counted(reply_topics)], [[2], [2]]);
  nothingPending();
});

/** "Come again in a second", said a queue that was full, and for two timeouts all who did got 409. */
for (const isLate of [false, true]) {
  test(`a client comes again with its id when its record was not taken, late: ${isLate}`, async () => {
    const { kafka, producer, consumer, nothingPending } = route({ producer: { correlation: 'client' } });
    const full = new GatewayError('overloaded', 'the queue is full');
    if (isLate) kafka.onProduce = (_record, onDelivery) => setImmediate(onDelivery, full);
    else kafka.refusal = full;
    const refused = asking('first');
    await producer.access(refused);
    if (isLate) await consumer.access(refused);
    assert.equal(refused.answer.status, 503);
    kafka.refusal = kafka.onProduce = undefined;
    const again = asking('second');
    await producer.access(again);
    const held = consumer.access(again);
    kafka.arrive(replyTo(kafka, kafka.produced.length - 1, '{"done":true}'));
    await held;
    assert.equal(again.answer.json.done, true);
    nothingPending();
  });
}
