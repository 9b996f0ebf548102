/** Both halves of a request in one event, on a cluster in memory and a clock that only the tests move. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

const LEAST = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };

function oneEvent(options: { config?: object; inOwnServer?: boolean } = {}) {
  const clock = new FakeClock();
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock });
  // It needs no other plugin beside it.
  if (options.inOwnServer !== false) requestReply.setTogether(false);
  const handler = new RequestReplyHandler(
    parseRequestReplyConfig({ ...LEAST, ...options.config }),
    requestReply,
  );
  const ask = async (request?: FakeRequest, shared?: Map<string, string>) => {
    const kong = new FakeKong(request, shared);
    const held = handler.access(kong);
    await settled();
    return { kong, held };
  };
  const nothingPending = () => {
    assert.equal(requestReply.inFlight, 0);
    assert.equal(requestReply.status().not_handed_over, 0);
    assert.equal(clock.pendingTimers, 0);
  };
  return { clock, kafka, requestReply, handler, ask, nothingPending };
}

for (const inOwnServer of [true, false]) {
  test(`one event sends, waits and answers (in our server: ${inOwnServer})`, async () => {
    const { kafka, ask, nothingPending } = oneEvent({ inOwnServer });
    const { kong, held } = await ask({
      headers: { 'content-type': 'text/plain', 'kong-request-id': 'shown' },
      body: 'two books',
    });
    assert.equal(kong.exits.length, 0, 'the client is held');
    const { record } = kafka.produced[0]!;
    assert.deepEqual([record.topic, record.value?.toString()], ['orders', 'two books']);
    assert.equal(headerOf(record, 'kafka_replyTopic'), 'replies');
    kafka.arrive(replyTo(kafka, 0, 'accepted', { 'content-type': 'text/plain', ':status': '201' }));
    await held;
    assert.equal(kong.exits.length, 1);
    assert.deepEqual([kong.exits[0]!.status, kong.exits[0]!.body.toString()], [201, 'accepted']);
    nothingPending();
  });
}

test('a reply that arrives inside produce is not lost, whatever it is matched by', async () => {
  for (const match of ['header', 'key']) {
    const { kafka, ask, nothingPending } = oneEvent({ config: { reply: { match } } });
    kafka.onProduce = () => {
      const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId')!;
      kafka.arrive(
        match === 'key'
          ? receivedRecord({ topic: 'replies', key: id, value: 'fast' })
          : replyTo(kafka, 0, 'fast'),
      );
    };
    const { kong, held } = await ask();
    await held;
    assert.equal(kong.exits[0]!.body.toString(), 'fast');
    nothingPending();
  }
});

test('the deadline is that of the reply, or what the client may ask for', async () => {
  const reply = { timeout: 2000, timeout_ceiling: 4000 };
  for (const [prefer, timeoutMs] of [
    [undefined, 2000],
    ['wait=3', 3000],
  ] as const) {
    const { clock, kafka, ask, nothingPending } = oneEvent({ config: { reply } });
    const { kong, held } = await ask({ headers: { ...(prefer !== undefined && { prefer }) } });
    kafka.produced[0]!.onDelivery(undefined);
    clock.advance(timeoutMs - 10);
    await settled();
    assert.equal(kong.exits.length, 0);
    clock.advance(50);
    await held;
    assert.deepEqual([kong.answer.status, kong.answer.json.code], [504, 'reply_timeout']);
    assert.equal(kong.exits[0]!.headers['preference-applied'], prefer);
    kafka.arrive(replyTo(kafka, 0, 'late'));
    assert.equal(kong.exits.length, 1);
    nothingPending();
  }
});

test('a failed delivery, a closed event and a refused record leave nothing behind', async () => {
  const failed = oneEvent();
  const one = await failed.ask();
  failed.kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
  await one.held;
  assert.equal(one.kong.answer.json.code, 'produce_failed');
  failed.nothingPending();

  const closed = oneEvent();
  const other = await closed.ask();
  other.kong.disconnect();
  await other.held;
  assert.equal(other.kong.exits.length, 0);
  closed.nothingPending();

  const refused = oneEvent();
  refused.kafka.refusal = new GatewayError('overloaded', 'queue full');
  const third = await refused.ask();
  await third.held;
  assert.equal(third.kong.answer.json.code, 'overloaded');
  refused.nothingPending();
});

test('errors before and after the record is sent are plain JSON where the route says so', async () => {
  const headers = { accept: 'application/problem+json' };
  for (const [problem_details, type] of [
    [true, /problem\+json/],
    [false, /application\/json/],
  ] as const) {
    const { clock, ask } = oneEvent({ config: { max_request_bytes: 3, reply: { problem_details } } });
    const early = await ask({ headers, body: 'four' });
    await early.held;
    const late = await ask({ headers });
    clock.advance(6000);
    await late.held;
    for (const { kong } of [early, late]) assert.match(String(kong.exits[0]!.headers['content-type']), type);
  }
});

test('where Kong has set no correlation id yet, its own is what the client is shown', async () => {
  const { kafka, ask } = oneEvent();
  const { kong, held } = await ask();
  const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId');
  assert.equal(kong.upstreamHeaders.get('Kong-Request-ID'), id);
  kafka.arrive(replyTo(kafka, 0, 'yes'));
  await held;
});

/** Two plugins that send would be two records for one request, and one reply for nobody. */
test('a request that custom_kafka_producer has sent already is a clear 500, and is not sent again', async () => {
  const { kafka, requestReply, ask, nothingPending } = oneEvent();
  requestReply.setTogether(true);
  const producer = new ProducerHandler(parseProducerConfig(LEAST), requestReply);
  const consumer = new ConsumerHandler(parseConsumerConfig({}), requestReply);
  await producer.access(new FakeKong());
  const { kong, held } = await ask();
  await held;
  assert.deepEqual([kong.answer.status, kong.answer.json.code], [500, 'misconfigured']);
  assert.match(kong.errorLog[0]!, /are both on the route/);
  assert.equal(kafka.produced.length, 1);
  nothingPending();

  // The reply to the first record finds nobody, and harms nobody.
  kafka.arrive(replyTo(kafka, 0, 'for nobody'));
  const alone = new FakeKong();
  await consumer.access(alone);
  assert.equal(alone.answer.json.code, 'misconfigured');
});

test('in the stock server it is told by what the producer has left in the memory of the request', async () => {
  const { kafka, ask, nothingPending } = oneEvent({ inOwnServer: false });
  const apart = new RequestReply({ clients: kafka });
  const first = new FakeKong();
  await new ProducerHandler(parseProducerConfig(LEAST), apart).access(first);
  const { kong, held } = await ask({}, first.shared);
  await held;
  assert.deepEqual([kong.answer.status, kong.answer.json.code], [500, 'misconfigured']);
  assert.equal(kafka.produced.length, 1);
  nothingPending();
  await apart.close();
});
