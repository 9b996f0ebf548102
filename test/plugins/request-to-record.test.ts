/** What the producer makes of a request, by its options: from Kong's calls to the record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka } from '../support/fake-kafka';
import { FakeKong, type FakeRequest } from '../support/fake-kong';

setLogSink(() => undefined);

/** One request through a one-way route. */
async function send(options: object, request: FakeRequest) {
  const kafka = new FakeKafka();
  kafka.onProduce = (_record, onDelivery) => setImmediate(onDelivery, undefined);
  const requestReply = new RequestReply({ clients: kafka, clock: new FakeClock() });
  requestReply.setTogether(true);
  const config = parseProducerConfig({
    bootstrap_servers: [{ host: 'kafka', port: 9092 }],
    topic: 'orders',
    ...options,
  });
  const kong = new FakeKong(request);
  await new ProducerHandler(config, requestReply).access(kong);
  const record = kafka.produced[0]?.record;
  const headers = new Map(record?.headers);
  headers.delete('Kong-Request-ID');
  return { kong, record, headers: [...headers], value: record?.value?.toString(), answer: kong.answer };
}

test('with no option at all the record has the body, and Kong is asked three things', async () => {
  const { kong, record, headers } = await send(
    {},
    { headers: { 'content-type': 'text/plain', 'x-a': '1' }, body: 'hi' },
  );
  assert.equal(record?.topic, 'orders');
  assert.equal(record?.key, null);
  assert.deepEqual(record?.value, Buffer.from('hi'));
  assert.deepEqual(headers, [
    ['content-type', 'text/plain'],
    ['idempotency-key', 'r1'],
  ]);
  assert.deepEqual(kong.reads, ['kong_request_id', 'getHeaders', 'getRawBody(1048576)']);
});

test('the client chooses topic and key within the configured bounds', async () => {
  const options = { topics_query_arg: 'to', allowed_topics: ['bills'], key_query_arg: 'k' };
  const chosen = await send(options, { uri: '/?to=bills&k=42' });
  assert.equal(chosen.record?.topic, 'bills');
  assert.equal(chosen.record?.key, '42');
  const refused = await send(options, { uri: '/?to=secrets' });
  assert.equal(refused.record, undefined);
  assert.equal(refused.answer.status, 400);
  assert.equal(refused.answer.json.code, 'request_invalid');
});

test('the key comes from the path, the consumer, or the correlation id', async () => {
  const path = await send({ key_source: 'path', key_name: 'id' }, { captures: { id: '7' } });
  assert.equal(path.record?.key, '7');
  const consumer = await send({ key_source: 'consumer' }, { consumer: { id: 'c1' } });
  assert.equal(consumer.record?.key, 'c1');
  const correlation = await send({ key_source: 'correlation_id' }, {});
  assert.match(String(correlation.record?.key), /^[0-9a-f-]{36}$/);
});

test('the envelope of Kafka Upstream', async () => {
  const { value, headers } = await send(
    { message_format: 'envelope', forward_method: true, forward_uri: true, forward_headers: true },
    {
      uri: '/orders?a=1',
      headers: { 'content-type': 'application/json', authorization: 'Basic x', kafka_replytopic: 'x' },
      body: '{"b":2}',
    },
  );
  assert.deepEqual(JSON.parse(value!), {
    method: 'POST',
    uri: '/orders?a=1',
    uri_args: { a: '1' },
    headers: { 'content-type': 'application/json', kafka_replytopic: 'x' },
    body: '{"b":2}',
    body_args: { b: 2 },
  });
  assert.deepEqual(headers[0], ['content-type', 'application/json']);
});

test('an envelope without a body does not read it', async () => {
  const { kong, value } = await send(
    { message_format: 'envelope', forward_method: true, forward_body: false },
    { body: 'x' },
  );
  assert.equal(value, '{"method":"POST"}');
  assert.ok(!kong.reads.some((read) => read.startsWith('getRawBody')));
});

test('a form that does not parse is told to the client and not sent', async () => {
  const { record, answer } = await send(
    { message_format: 'envelope' },
    { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'x' },
  );
  assert.equal(record, undefined);
  assert.equal(answer.status, 400);
});

test('a CloudEvent in both modes', async () => {
  const request: FakeRequest = {
    route: { id: 'r', name: 'shop' },
    headers: { 'content-type': 'application/json', 'ce-id': 'forged', ce_source: 'forged' },
    body: '{"a":1}',
  };
  const options = {
    cloudevents_type: 'shop.order',
    key_source: 'body_field',
    key_name: 'a',
    headers: { forward_all_by_default: true },
  };
  const binary = await send({ ...options, message_format: 'cloudevents_binary' }, request);
  const { ce_time, ...attributes } = Object.fromEntries(binary.headers);
  assert.match(ce_time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(attributes, {
    'content-type': 'application/json',
    'idempotency-key': 'r1',
    ce_specversion: '1.0',
    ce_id: 'r1',
    ce_source: '/kong/routes/shop',
    ce_type: 'shop.order',
    ce_partitionkey: '1',
  });
  assert.equal(binary.value, '{"a":1}');

  const structured = await send({ ...options, message_format: 'cloudevents_structured' }, request);
  assert.deepEqual(structured.headers, [
    ['content-type', 'application/cloudevents+json'],
    ['idempotency-key', 'r1'],
  ]);
  const event = JSON.parse(structured.value!) as Record<string, unknown>;
  assert.deepEqual([event.id, event.source, event.data], ['r1', '/kong/routes/shop', { a: 1 }]);
});

test('headers are included, excluded, renamed and joined', async () => {
  const { headers } = await send(
    {
      headers: {
        include_headers: ['x-*', 'authorization'],
        exclude_headers: ['x-internal'],
        name_mappings: { 'x-tenant': 'tenant' },
        method_and_path: true,
        deadline_after: 0,
      },
      forward_consumer: true,
    },
    {
      uri: '/a?b',
      consumer: { id: 'c1', username: 'jo', custom_id: '9' },
      headers: {
        host: 'shop',
        'x-tenant': 'blue',
        'x-internal': '1',
        'x-list': ['1', '2'],
        'x-consumer-id': 'forged',
        authorization: 'Basic x',
        'user-agent': 'curl',
      },
    },
  );
  assert.deepEqual(headers, [
    ['tenant', 'blue'],
    ['x-list', '1, 2'],
    ['authorization', 'Basic x'],
    ['idempotency-key', 'r1'],
    [':method', 'POST'],
    [':path', '/a?b'],
    [':scheme', 'https'],
    [':authority', 'shop'],
    ['x-consumer-id', 'c1'],
    ['x-consumer-username', 'jo'],
    ['x-consumer-custom-id', '9'],
  ]);
});

test('too many headers are refused before anything is sent', async () => {
  const { record, answer } = await send(
    { headers: { forward_all_by_default: true } },
    { headers: Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`x-${index}`, '1'])) },
  );
  assert.equal(record, undefined);
  assert.equal(answer.status, 431);
  assert.equal(answer.json.code, 'headers_too_large');
});

test('a body over the limit is 413, and the read itself carries the limit', async () => {
  const { kong, record, answer } = await send(
    { max_request_bytes: 4 },
    { headers: { 'content-length': '5' }, body: '12345' },
  );
  assert.equal(record, undefined);
  assert.equal(answer.status, 413);
  assert.ok(kong.reads.includes('getRawBody(4)'));
});

/** A service got compressed bytes that claimed to be JSON; formats that parse the body answered 400 without a reason. */
test('a compressed body arrives as it is and says so, or is looked into', async () => {
  const body = gzipSync('{"a":{"b":7}}');
  const request = { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body };
  const sent = async (options: object) => {
    const { record, value } = await send(options, request);
    return {
      bytes: record?.value,
      value,
      key: record?.key,
      encoding: new Map(record?.headers).get('content-encoding'),
    };
  };
  const raw = await sent({});
  assert.deepEqual([raw.bytes, raw.encoding], [body, 'gzip']);
  const keyed = await sent({ key_source: 'body_field', key_name: '/a/b' });
  assert.deepEqual([keyed.bytes, keyed.encoding, keyed.key], [body, 'gzip', '7']);
  const binary = await sent({ message_format: 'cloudevents_binary' });
  assert.deepEqual([binary.bytes, binary.encoding], [body, 'gzip']);

  const marked = await sent({ message_format: 'body_with_correlation_id' });
  assert.match(marked.value!, /^\{"correlation_id":"[^"]+","a":\{"b":7\}\}$/);
  const enveloped = await sent({ message_format: 'envelope' });
  assert.equal(enveloped.value, '{"body":"{\\"a\\":{\\"b\\":7}}","body_args":{"a":{"b":7}}}');
  const event = await sent({ message_format: 'cloudevents_structured' });
  assert.match(event.value!, /"data":\{"a":\{"b":7\}\}\}$/);
  for (const { encoding } of [marked, enveloped, event]) assert.equal(encoding, undefined);
});

test('a body that is not looked into may have any coding', async () => {
  const request = {
    headers: { 'content-type': 'image/png', 'content-encoding': 'nobodys' },
    body: 'x',
  };
  for (const options of [
    {},
    // A picture has no fields, so its record has no key.
    { key_source: 'body_field', key_name: 'a' },
    { message_format: 'envelope', forward_method: true, forward_body: false },
  ]) {
    assert.equal((await send(options, request)).answer.status, 200);
  }
  assert.equal((await send({ message_format: 'envelope' }, request)).answer.status, 415);
});

test('what is wrong with an encoded body is told, whatever the route tells of other errors', async () => {
  const answerTo = async (contentEncoding: string, body: Buffer | string) => {
    const { record, answer } = await send(
      { message_format: 'body_with_correlation_id', max_request_bytes: 1000 },
      { headers: { 'content-type': 'application/json', 'content-encoding': contentEncoding }, body },
    );
    assert.equal(record, undefined, 'nothing was sent');
    return [answer.status, answer.json.code, answer.json.error, answer.json.request_id];
  };
  assert.deepEqual(await answerTo('gzip', gzipSync(Buffer.alloc(1001))), [
    413,
    'request_too_large',
    'the decoded body is too large, the limit is 1000 bytes (max_request_bytes)',
    'r1',
  ]);
  assert.deepEqual(await answerTo('gzip', gzipSync('{"a":')), [
    400,
    'request_invalid',
    'the body is not JSON: unexpected end at byte 5 of the decoded body',
    'r1',
  ]);
  assert.equal((await answerTo('compress', 'x'))[0], 415);
});

test('a body over the limit is answered like all else: with the ids, the reason, and in the form that is accepted', async () => {
  const { record, answer, kong } = await send(
    { max_request_bytes: 3 },
    { headers: { accept: 'application/problem+json', 'kong-request-id': 'c1' }, body: 'four' },
  );
  assert.equal(record, undefined);
  assert.equal(kong.exits[0]!.headers['content-type'], 'application/problem+json');
  const { status, request_id, correlation_id, error } = answer.json;
  assert.deepEqual(
    [status, request_id, correlation_id, error],
    [413, 'r1', 'c1', 'the body has 4 bytes, the limit is 3 (max_request_bytes)'],
  );
});
