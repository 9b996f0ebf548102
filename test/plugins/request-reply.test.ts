/** Both halves of a request together, on a cluster in memory and a clock that only the tests move. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { headerOf } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, route, SERVERS, settled } from '../support/route';

setLogSink(() => undefined);

test('a request is produced and its reply is the answer', async () => {
  const { kafka, producer, consumer, nothingPending } = route();
  const request = {
    headers: { 'content-type': 'text/plain', 'kong-request-id': 'shown' },
    body: 'two books',
  };
  const first = new FakeKong(request);
  await producer.access(first);
  assert.equal(first.exits.length, 0, 'the producer lets the request go on');

  const { record } = kafka.produced[0]!;
  assert.equal(record.topic, 'orders');
  assert.equal(record.value?.toString(), 'two books');
  assert.match(
    headerOf(record, 'kafka_correlationId')!,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(headerOf(record, 'kafka_replyTopic'), 'replies');
  assert.equal(headerOf(record, 'Kong-Request-ID'), 'shown');

  const second = new FakeKong(request);
  const held = consumer.access(second);
  await settled();
  assert.equal(second.exits.length, 0, 'the client is held');
  kafka.arrive(replyTo(kafka, 0, 'accepted', { 'content-type': 'text/plain', ':status': '201' }));
  await held;
  assert.equal(second.exits.length, 1);
  assert.equal(second.exits[0]!.status, 201);
  assert.equal(second.exits[0]!.body.toString(), 'accepted');
  nothingPending();
});

/**
 * A reply can overtake its delivery report, and even the consumer half of its own request. Others registered the wait when
 * the report came and took the reply for a foreign one (galax-io/gatling-kafka-plugin#204, eclipse-hono/hono#2612).
 */
test('a reply that arrives inside produce is not lost', async () => {
  const { kafka, producer, consumer, nothingPending } = route();
  kafka.onProduce = () => kafka.arrive(replyTo(kafka, 0, 'fast'));
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  await consumer.access(kong);
  kafka.produced[0]!.onDelivery(undefined);
  assert.equal(kong.exits[0]!.body.toString(), 'fast');
  nothingPending();
});

test('a reply that only the rule of the consumer finds may come before the consumer does', async () => {
  const { kafka, producer, consumer, nothingPending } = route({
    producer: { message_format: 'body_with_correlation_id' },
    consumer: { match: 'body_field' },
  });
  await producer.access(new FakeKong({ headers: { 'content-type': 'application/json' }, body: '{"a":1}' }));
  const { correlation_id: id } = JSON.parse(kafka.produced[0]!.record.value!.toString()) as {
    correlation_id: string;
  };
  kafka.arrive(
    receivedRecord({ topic: 'replies', value: JSON.stringify({ 'correlation-id': id, ok: true }) }),
  );
  const kong = new FakeKong();
  await consumer.access(kong);
  assert.equal(kong.answer.json.ok, true);
  nothingPending();
});

test('match: key finds the reply by its key', async () => {
  const { kafka, producer, consumer, nothingPending } = route({ consumer: { match: 'key' } });
  await producer.access(new FakeKong());
  const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId')!;
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kafka.arrive(receivedRecord({ topic: 'replies', key: id, value: '{}' }));
  await held;
  assert.equal(kong.exits[0]!.status, 200);
  nothingPending();
});

test('without a reply the client gets 504 at the deadline, and a late reply does nothing', async () => {
  const { clock, kafka, producer, consumer, nothingPending } = route({ consumer: { timeout: 2000 } });
  await producer.access(new FakeKong({ headers: { 'kong-request-id': 'shown' } }));
  kafka.produced[0]!.onDelivery(undefined);
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  clock.advance(1990);
  await settled();
  assert.equal(kong.exits.length, 0);
  clock.advance(40);
  await held;
  assert.deepEqual(kong.answer, {
    status: 504,
    json: {
      message: 'No reply arrived in time.',
      code: 'reply_timeout',
      request_id: 'r1',
      correlation_id: 'shown',
    },
  });
  kafka.arrive(replyTo(kafka, 0, 'late'));
  assert.equal(kong.exits.length, 1);
  nothingPending();
});

test('a deadline without a delivery report says that the outcome of the produce is unknown', async () => {
  const { clock, producer, consumer, nothingPending } = route();
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  clock.advance(5020);
  await held;
  assert.equal(kong.answer.json.code, 'produce_timeout');
  nothingPending();
});

/** Elsewhere the caller waits for a reply that nobody was asked for, until its timeout (Platformatic's kafka-hooks). */
test('a failed delivery ends the wait at once', async () => {
  const { kafka, producer, consumer, nothingPending } = route();
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kafka.produced[0]!.onDelivery(new GatewayError('produce_failed', 'not authorized'));
  await held;
  assert.equal(kong.answer.status, 502);
  assert.equal(kong.answer.json.code, 'produce_failed');
  assert.equal('error' in kong.answer.json, false, 'the cause is not for clients by default');
  nothingPending();
});

test('the cause is told where the route asks for it', async () => {
  const { kafka, producer } = route({ producer: { error_handling: { return_error_message: true } } });
  kafka.refusal = new GatewayError('not_ready', 'connection refused');
  const kong = new FakeKong();
  await producer.access(kong);
  assert.equal(kong.answer.json.error, 'connection refused');
  assert.equal(kong.exits[0]!.headers['retry-after'], '1');
});

test('a refused record leaves no wait behind', async () => {
  const { kafka, producer, nothingPending } = route();
  kafka.refusal = new GatewayError('overloaded', 'queue full');
  const kong = new FakeKong();
  await producer.access(kong);
  assert.equal(kong.answer.json.code, 'overloaded');
  nothingPending();
});

test('a cluster known to be down is not waited for', async () => {
  const { kafka, producer, nothingPending } = route();
  kafka.state = 'down';
  kafka.reason = 'connect refused';
  const kong = new FakeKong();
  await producer.access(kong);
  assert.equal(kong.answer.json.code, 'not_ready');
  assert.deepEqual(kafka.produced, []);
  nothingPending();
});

test('a consumer without a producer is a clear 500, also in the log of Kong, once', async () => {
  const { consumer, nothingPending } = route();
  const first = new FakeKong();
  await consumer.access(first);
  assert.equal(first.answer.status, 500);
  assert.equal(first.answer.json.code, 'misconfigured');
  assert.match(first.errorLog[0]!, /custom_kafka_producer with a reply_topic must run on the same route/);
  const second = new FakeKong();
  await consumer.access(second);
  assert.deepEqual(second.errorLog, []);
  nothingPending();
});

test('a wait that no consumer claims ends by itself', async () => {
  const { clock, producer, requestReply, nothingPending } = route();
  await producer.access(new FakeKong());
  assert.equal(requestReply.inFlight, 1);
  clock.advance(10_050);
  assert.equal(requestReply.counters.unclaimed, 1);
  nothingPending();
});

test('when Kong closes the event the wait is given up', async () => {
  const { producer, consumer, nothingPending } = route();
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kong.disconnect();
  await held;
  nothingPending();
});

test('one more than max_in_flight is refused, and the others are unharmed', async () => {
  const { kafka, producer, consumer, nothingPending } = route({ producer: { max_in_flight: 2 } });
  for (const requestId of ['a', 'b']) await producer.access(new FakeKong({ requestId }));
  const third = new FakeKong({ requestId: 'c' });
  await producer.access(third);
  assert.equal(third.answer.json.code, 'overloaded');
  const kongs = ['a', 'b'].map((requestId) => new FakeKong({ requestId }));
  const held = kongs.map((kong) => consumer.access(kong));
  await settled();
  kafka.arrive(replyTo(kafka, 1, 'second'));
  kafka.arrive(replyTo(kafka, 0, 'first'));
  await Promise.all(held);
  assert.deepEqual(
    kongs.map((kong) => kong.exits[0]!.body.toString()),
    ['first', 'second'],
  );
  nothingPending();
});

/** Spring wrote an error for every reply to another instance (spring-projects/spring-kafka#731). */
test('a record of another topic or with a foreign id settles nobody, and no log line tells of it', async (t) => {
  const { clock, kafka, producer, consumer, requestReply, nothingPending } = route();
  const lines: string[] = [];
  t.after(setLogSink((line) => lines.push(line)));
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kafka.arrive({ ...replyTo(kafka, 0, 'x'), topic: 'elsewhere' });
  kafka.arrive(receivedRecord({ topic: 'replies', headers: { kafka_correlationId: 'foreign' } }));
  assert.deepEqual(lines, []);
  assert.match(JSON.stringify(requestReply.status()), /"foreign":1/);
  clock.advance(6000);
  await held;
  assert.equal(kong.answer.status, 504);
  nothingPending();
});

test('on a topic shared by requests and replies a request is never taken for a reply', async () => {
  const { kafka, producer, consumer, nothingPending } = route({ producer: { reply_topic: 'orders' } });
  await producer.access(new FakeKong({ body: 'question' }));
  const { record } = kafka.produced[0]!;
  const echoed = Object.fromEntries(record.headers);
  kafka.arrive(receivedRecord({ topic: 'orders', headers: echoed, value: 'question' }));
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  assert.equal(kong.exits.length, 0);
  const id = headerOf(record, 'kafka_correlationId')!;
  kafka.arrive(receivedRecord({ topic: 'orders', headers: { kafka_correlationId: id }, value: 'answer' }));
  await held;
  assert.equal(kong.exits[0]!.body.toString(), 'answer');
  nothingPending();
});

/** Kong runs an event again when the connection to the plugin server closes in the middle. */
test('an event that Kong runs again keeps its idempotency key, and the newer wait counts', async () => {
  const { kafka, producer, consumer, nothingPending } = route();
  await producer.access(new FakeKong());
  await producer.access(new FakeKong());
  const keys = kafka.produced.map(({ record }) => headerOf(record, 'idempotency-key'));
  assert.deepEqual(keys, ['r1', 'r1']);
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kafka.arrive(replyTo(kafka, 0, 'to the first run'));
  kafka.arrive(replyTo(kafka, 1, 'to the second run'));
  await held;
  assert.equal(kong.exits[0]!.body.toString(), 'to the second run');
  nothingPending();
});

test('draining refuses what is new and lets go on what was accepted', async () => {
  const { kafka, producer, consumer, requestReply, nothingPending } = route();
  await producer.access(new FakeKong());
  requestReply.drain();
  const refused = new FakeKong({ requestId: 'new' });
  await producer.access(refused);
  assert.equal(refused.answer.json.code, 'draining');
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  kafka.arrive(replyTo(kafka, 0, 'still answered'));
  await held;
  assert.equal(kong.exits[0]!.body.toString(), 'still answered');
  nothingPending();
});

test('close answers everybody who waits and closes the clients once', async () => {
  const { kafka, producer, consumer, requestReply } = route();
  await producer.access(new FakeKong());
  const kong = new FakeKong();
  const held = consumer.access(kong);
  await settled();
  await Promise.all([requestReply.close(), requestReply.close()]);
  await held;
  assert.equal(kong.answer.json.code, 'draining');
  assert.equal(kafka.closed, 1);
  assert.equal(requestReply.inFlight, 0);
});

test('a body over the limit is refused before anything is sent', async () => {
  const { kafka, producer, nothingPending } = route({ producer: { max_request_bytes: 4 } });
  const kong = new FakeKong({ body: '12345' });
  await producer.access(kong);
  assert.equal(kong.answer.status, 413);
  assert.deepEqual(kafka.produced, []);
  nothingPending();
});

test('without a reply topic the client is told once the broker has the record', async () => {
  const { kafka, producer } = route({ producer: { reply_topic: undefined } });
  const kong = new FakeKong({ body: 'event' });
  const sent = producer.access(kong);
  await settled();
  assert.equal(kong.exits.length, 0);
  kafka.produced[0]!.onDelivery(undefined);
  await sent;
  assert.deepEqual(kong.answer, { status: 200, json: { message: 'message sent' } });
});

test('a one-way client is told when the broker does not confirm in time, and nothing is left', async () => {
  const { clock, kafka, producer, nothingPending } = route({ producer: { reply_topic: undefined } });
  const kong = new FakeKong({ body: 'event' });
  const sent = producer.access(kong);
  await settled();
  clock.advance(2990);
  await settled();
  assert.equal(kong.exits.length, 0);
  clock.advance(30);
  await sent;
  assert.deepEqual([kong.answer.status, kong.answer.json.code], [504, 'produce_timeout']);
  // The library goes on trying; whether it succeeds is nobody's business any more.
  kafka.produced[0]!.onDelivery(undefined);
  assert.equal(kong.exits.length, 1);
  nothingPending();
});

/** Before Kong 3.9 the Correlation ID plugin runs later and would echo another id than the one that was sent. */
test('where Kong has set no correlation id yet, the producer sets its own', async () => {
  const { kafka, producer } = route();
  const kong = new FakeKong();
  await producer.access(kong);
  const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId');
  assert.equal(kong.upstreamHeaders.get('Kong-Request-ID'), id);
  const withId = new FakeKong({ requestId: 'r2', headers: { 'kong-request-id': 'shown' } });
  await producer.access(withId);
  assert.equal(withId.upstreamHeaders.size, 0);
});

test('equal configurations of several workers share one channel, which outlives a change of configuration', async () => {
  const { clock, kafka, requestReply, producer } = route();
  const config = parseProducerConfig({ bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' });
  const worker: FakeRequest = { requestId: 'w2' };
  const second = new ProducerHandler(config, requestReply);
  assert.equal(kafka.acquired.length, 1);
  producer.close();
  await second.access(new FakeKong(worker));
  second.close();
  clock.advance(29_000);
  assert.equal(kafka.released, 0);
  clock.advance(31_000);
  assert.equal(kafka.released, 1, 'released a while after the last user');
});

test('apart: only the id crosses, early replies are held for the consumer', async () => {
  const producing = route({ together: false });
  const consuming = route({ together: false, consumer: { bootstrap_servers: SERVERS, topic: 'replies' } });
  const first = new FakeKong();
  await producing.producer.access(first);
  assert.equal(producing.kafka.followed.size, 0, 'the producer does not read replies it has no use for');
  consuming.kafka.arrive(replyTo(producing.kafka, 0, 'early'));
  const kong = new FakeKong({}, first.shared);
  await consuming.consumer.access(kong);
  assert.equal(kong.exits[0]!.body.toString(), 'early');
  consuming.nothingPending();
  producing.nothingPending();
});

/** The handler of a stock server that throws is passed over by Kong: the upstream would get the request. */
test('apart: an id that cannot be handed over ends the request with an error', async () => {
  const { producer } = route({ together: false });
  const kong = new FakeKong();
  kong.ctx.shared.set = () => Promise.reject(new Error('Kong is gone'));
  await producer.access(kong);
  assert.equal(kong.answer.status, 500);
});

test('apart: a consumer that does not know where to read says so', async () => {
  const { consumer } = route({ together: false });
  const kong = new FakeKong();
  await consumer.access(kong);
  assert.equal(kong.answer.json.code, 'misconfigured');
  assert.match(kong.errorLog[0]!, /bootstrap_servers and topic: required here/);
});

test('apart: a consumer without a producer is a clear 500 too', async () => {
  const { consumer } = route({ together: false, consumer: { bootstrap_servers: SERVERS, topic: 'replies' } });
  const kong = new FakeKong();
  await consumer.access(kong);
  assert.equal(kong.answer.status, 500);
  assert.equal(kong.answer.json.code, 'misconfigured');
});

/** Clients that left between the two plugins made their configuration keep them for as long as it was there. */
test('unknown replies are let go as well when no consumer comes for the last request', async () => {
  const { clock, kafka, requestReply, producer, nothingPending } = route();
  const held = () => (requestReply.status().reply_topics as { held_records: number }[])[0]?.held_records;
  await producer.access(new FakeKong());
  kafka.arrive(receivedRecord({ headers: { 'correlation-id': 'somebody else' } }));
  assert.equal(held(), 1);
  clock.advance(10_100);
  assert.equal(held(), 0);
  nothingPending();
});

/**
 * As long as any request of the process was between its two plugins, every configuration kept the replies to all others
 * on the same topic: ten thousand records each, also where nobody had asked for anything for long.
 */
test('unknown replies are kept once for a topic, and only while a request that waits there is between its plugins', async () => {
  const { kafka, requestReply, producer, consumer, nothingPending } = route();
  for (const reply_topic of ['replies', 'elsewhere'])
    new ProducerHandler(
      parseProducerConfig({ bootstrap_servers: SERVERS, topic: 'others', reply_topic }),
      requestReply,
    );
  const held = () =>
    (requestReply.status().reply_topics as { held_records: number }[]).map((topic) => topic.held_records);
  await producer.access(new FakeKong());
  for (const topic of ['replies', 'elsewhere'])
    kafka.arrive(receivedRecord({ topic, headers: { 'correlation-id': 'somebody else' } }));
  assert.deepEqual(held(), [1, 0]);

  const kong = new FakeKong();
  const answered = consumer.access(kong);
  await settled();
  assert.deepEqual(held(), [0, 0], 'nothing that was kept can be asked for any more');
  kafka.arrive(replyTo(kafka, 0, 'mine'));
  await answered;
  assert.equal(kong.exits[0]!.body.toString(), 'mine');
  nothingPending();
});

/** By its id alone the second half finds the wait of the first: two without one got each other's replies. */
test('a request that Kong tells no id of is not sent', async () => {
  const { kafka, producer, consumer, nothingPending } = route();
  const [first, second] = [new FakeKong({ requestId: '' }), new FakeKong({ requestId: '' })];
  await producer.access(first);
  await producer.access(second);
  assert.equal(kafka.produced.length, 0);
  assert.deepEqual([first.answer.json.code, second.answer.json.code], ['internal', 'internal']);
  const alone = new FakeKong({ requestId: '' });
  await consumer.access(alone);
  assert.equal(alone.answer.json.code, 'misconfigured');
  nothingPending();
});
