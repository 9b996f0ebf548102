/** What the requests of a route tell of themselves, from the handlers to the text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { RequestReply } from '../../../bridge/request-reply';
import { KEPT_AFTER_END_MS } from '../../../bridge/telemetry/running-totals';
import { setLogSink } from '../../../bridge/telemetry/log';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../../plugins/custom_kafka_producer/handler';
import { parseRequestReplyConfig } from '../../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../../plugins/custom_kafka_request_reply/handler';
import { textOf } from '../../support/metrics-text';
import { FakeKong, type FakeRequest } from '../../support/fake-kong';
import { receivedRecord } from '../../support/records';
import { replyTo, route, SERVERS, settled } from '../../support/route';

setLogSink(() => undefined);

const PAIR = 'plugin="custom_kafka_producer",cluster="kafka:9092",topic="orders",reply_topic="replies"';

/** The samples of the process by name and labels. */
function samples(requestReply: RequestReply): Map<string, number> {
  const text = textOf(requestReply.metrics);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}

/** Those that are not 0, of one metric. */
function outcomes(requestReply: RequestReply, name = 'kong_kafka_requests_total'): Record<string, number> {
  const found = [...samples(requestReply)].filter(([key, value]) => key.startsWith(name) && value > 0);
  return Object.fromEntries(found.map(([key, value]) => [/([^"]*)"}$/.exec(key)?.[1] ?? '', value]));
}

async function request(
  { producer, consumer }: Pick<ReturnType<typeof route>, 'producer' | 'consumer'>,
  given: FakeRequest = {},
): Promise<{ kong: FakeKong; ended: Promise<void> }> {
  await producer.access(new FakeKong(given));
  const kong = new FakeKong(given);
  const ended = consumer.access(kong);
  await settled();
  return { kong, ended };
}

test('a request that is answered shows in every part of its way', async () => {
  const lab = route();
  const { ended } = await request(lab, { body: '12345' });
  assert.equal(samples(lab.requestReply).get(`kong_kafka_requests_in_flight{${PAIR}}`), 1);
  lab.clock.advance(20);
  lab.kafka.produced[0]!.onDelivery(undefined);
  lab.clock.advance(200);
  lab.kafka.arrive(replyTo(lab.kafka, 0, 'accepted'));
  await ended;
  const found = samples(lab.requestReply);
  const of = (name: string, more = ''): number | undefined => found.get(`${name}{${PAIR}${more}}`);
  assert.equal(of('kong_kafka_requests_total', ',outcome="ok"'), 1);
  assert.equal(of('kong_kafka_requests_in_flight'), 0);
  assert.equal(of('kong_kafka_requests_in_flight_limit'), 10_000);
  assert.equal(of('kong_kafka_configurations', ',state="ready"'), 1);
  assert.equal(of('kong_kafka_produce_duration_seconds_sum'), 0.02);
  assert.equal(of('kong_kafka_reply_duration_seconds_sum'), 0.22);
  assert.equal(of('kong_kafka_request_duration_seconds_sum'), 0.22);
  assert.equal(of('kong_kafka_request_duration_seconds_bucket', ',le="0.25"'), 1);
  assert.equal(of('kong_kafka_request_duration_seconds_bucket', ',le="0.1"'), 0);
  assert.equal(of('kong_kafka_request_bytes_total'), 5);
  assert.equal(of('kong_kafka_reply_bytes_total'), 8);
  assert.deepEqual(outcomes(lab.requestReply, 'kong_kafka_replies_total'), { matched: 1 });
});

test('every way to end is an outcome of its own, and each request has one', async () => {
  const lab = route({ producer: { max_in_flight: 1 } });
  const slow = await request(lab, { requestId: 'slow' });
  const refused = new FakeKong({ requestId: 'refused' });
  await lab.producer.access(refused);
  assert.equal(refused.answer.status, 503);
  lab.kafka.produced[0]!.onDelivery(undefined);
  lab.clock.advance(5_100);
  await slow.ended;

  const gone = await request(lab, { requestId: 'gone' });
  gone.kong.disconnect();

  const failed = await request(lab, { requestId: 'failed' });
  lab.kafka.produced[2]!.onDelivery(new GatewayError('produce_failed', 'no'));
  await failed.ended;

  const wrong = await request(lab, { requestId: 'wrong' });
  lab.kafka.arrive(replyTo(lab.kafka, 3, null, { 'kafka_nest-err': 'boom' }));
  await wrong.ended;

  await lab.producer.access(new FakeKong({ requestId: 'unclaimed' }));
  lab.clock.advance(10_100);
  assert.deepEqual(outcomes(lab.requestReply), {
    overloaded: 1,
    reply_timeout: 1,
    closed: 1,
    produce_failed: 1,
    responder_error: 1,
    unclaimed: 1,
  });
  assert.deepEqual(outcomes(lab.requestReply, 'kong_kafka_produce_errors_total'), { produce_failed: 1 });
});

test('a route without its producer counts for the plugin that noticed', async () => {
  const lab = route();
  const kong = new FakeKong({ requestId: 'alone' });
  await lab.consumer.access(kong);
  assert.equal(kong.answer.status, 500);
  const labels = 'plugin="custom_kafka_consumer",cluster="",topic="",reply_topic="",outcome="misconfigured"';
  assert.equal(samples(lab.requestReply).get(`kong_kafka_requests_total{${labels}}`), 1);
});

test('a late reply is counted with its delay, where its request was', async () => {
  const lab = route();
  const { ended } = await request(lab);
  lab.clock.advance(5_000);
  await ended;
  lab.clock.advance(300);
  lab.kafka.arrive(replyTo(lab.kafka, 0, 'late'));
  const found = samples(lab.requestReply);
  assert.equal(found.get(`kong_kafka_reply_late_seconds_count{${PAIR}}`), 1);
  assert.equal(found.get(`kong_kafka_reply_late_seconds_bucket{${PAIR},le="0.5"}`), 1);
  assert.equal(found.get(`kong_kafka_reply_late_seconds_bucket{${PAIR},le="0.1"}`), 0);
  assert.deepEqual(outcomes(lab.requestReply, 'kong_kafka_replies_total'), { late: 1 });
});

test('a one-way request waits for its acknowledgement, and has no reply topic', async () => {
  const lab = route({ producer: { reply_topic: undefined } });
  const kong = new FakeKong({ body: 'x' });
  const ended = lab.producer.access(kong);
  await settled();
  lab.clock.advance(30);
  lab.kafka.produced[0]!.onDelivery(undefined);
  await ended;
  const labels = 'plugin="custom_kafka_producer",cluster="kafka:9092",topic="orders",reply_topic=""';
  const found = samples(lab.requestReply);
  assert.equal(found.get(`kong_kafka_requests_total{${labels},outcome="ok"}`), 1);
  assert.equal(found.get(`kong_kafka_request_duration_seconds_sum{${labels}}`), 0.03);
  assert.equal(found.get(`kong_kafka_requests_in_flight{${labels}}`), undefined);
});

test('a plugin is counted under its own name, also beside an equal configuration of another', async () => {
  const lab = route();
  const handler = new RequestReplyHandler(
    parseRequestReplyConfig({
      bootstrap_servers: SERVERS,
      topic: 'orders',
      reply_topic: 'replies',
      cluster_name: 'main',
    }),
    lab.requestReply,
  );
  const kong = new FakeKong();
  const ended = handler.access(kong);
  await settled();
  lab.kafka.arrive(replyTo(lab.kafka, 0, 'here'));
  await ended;
  const labels =
    'plugin="custom_kafka_request_reply",cluster="main",topic="orders",reply_topic="replies",outcome="ok"';
  const found = samples(lab.requestReply);
  assert.equal(found.get(`kong_kafka_requests_total{${labels}}`), 1);
  assert.equal(found.get(`kong_kafka_requests_total{${PAIR},outcome="ok"}`), 0);
});

/** Whatever clients and services choose makes no series: ids, topics of an allow list, paths, headers, keys, codes. */
test('10,000 values from outside leave the number of series as it is', async () => {
  const allowed = Array.from({ length: 1000 }, (_, number) => `orders-${number}`);
  const lab = route({
    producer: {
      correlation: 'client',
      topics_query_arg: 'topic',
      allowed_topics: allowed,
      max_in_flight: 100_000,
    },
  });
  const round = async (number: number): Promise<void> => {
    const given: FakeRequest = {
      requestId: `request-${number}`,
      uri: `/path-${number}?topic=orders-${number % 1100}`,
      body: `body-${number}`,
      headers: { 'kong-request-id': `client-${number}`, accept: `x/${number}`, 'x-any': `${number}` },
    };
    const sent = lab.kafka.produced.length;
    await lab.producer.access(new FakeKong(given));
    if (lab.kafka.produced.length === sent) return;
    const ended = lab.consumer.access(new FakeKong(given));
    await settled();
    const kinds = [
      () =>
        lab.kafka.arrive(
          replyTo(lab.kafka, sent, `reply-${number}`, { ':status': `${200 + (number % 300)}` }),
        ),
      () => lab.kafka.produced[sent]!.onDelivery(new GatewayError('produce_failed', `reason ${number}`)),
      () =>
        lab.kafka.arrive(receivedRecord({ topic: 'replies', headers: { 'correlation-id': `f-${number}` } })),
    ];
    kinds[number % kinds.length]!();
    if (number % kinds.length === 2) lab.clock.advance(6_000);
    await ended;
  };
  for (let number = 0; number < 50; number++) await round(number);
  const few = samples(lab.requestReply).size;
  for (let number = 50; number < 10_000; number++) await round(number);
  const text = textOf(lab.requestReply.metrics);
  assert.ok(
    samples(lab.requestReply).size <= few + 3,
    `${few} series became ${samples(lab.requestReply).size}`,
  );
  assert.doesNotMatch(text, /orders-\d|client-\d|request-\d|path-\d|body-\d|reason/);
});

test('the series of a configuration that is gone stay for a while, and then go', () => {
  const lab = route();
  const config = parseProducerConfig({ bootstrap_servers: SERVERS, topic: 'gone', reply_topic: 'replies' });
  const handler = new ProducerHandler(config, lab.requestReply);
  const seriesOf = (): number =>
    [...samples(lab.requestReply).keys()].filter((key) => key.includes('topic="gone"')).length;
  assert.ok(seriesOf() > 0);
  handler.close();
  lab.clock.advance(60_000);
  assert.ok(seriesOf() > 0, 'Prometheus shall see the last of it');
  lab.clock.advance(KEPT_AFTER_END_MS);
  assert.equal(seriesOf(), 0);
});

/** Kong starts a configuration anew at every change of another one. */
test('configurations that come and go leave nothing behind, also where nobody scrapes', () => {
  const lab = route();
  for (let number = 0; number < 2000; number++) {
    const config = parseProducerConfig({
      bootstrap_servers: SERVERS,
      topic: `orders-${number}`,
      reply_topic: 'replies',
    });
    new ProducerHandler(config, lab.requestReply).close();
    lab.clock.advance(10_000);
  }
  const topics = new Set(
    [...samples(lab.requestReply).keys()].map((key) => /,topic="([^"]*)"/.exec(key)?.[1]),
  );
  assert.ok(topics.size < 100, `${topics.size} topics`);
});
