/** A route whose requests and replies have schemas, with a registry of some lines and a cluster in memory. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { RequestReply } from '../../bridge/request-reply';
import { closeSchemas } from '../../bridge/schemas';
import { setLogSink } from '../../bridge/telemetry/log';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { FakeKong } from '../support/fake-kong';
import { receivedRecord } from '../support/records';
import { replyTo, route, SERVERS, settled } from '../support/route';
import { StubRegistry } from '../../dev/registry/stub-registry';

setLogSink(() => undefined);

const ORDER = {
  schema: JSON.stringify({
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'item', type: 'string' },
      { name: 'count', type: 'int', default: 1 },
    ],
  }),
};
const JSON_SCHEMA = {
  schemaType: 'JSON',
  schema: '{"properties":{"count":{"type":"integer"},"correlation-id":{"type":"string"}}}',
} as const;
const PROTOBUF = {
  schemaType: 'PROTOBUF',
  schema: 'syntax="proto3"; message Order { string item = 1; }',
} as const;
const GUID = '89791762-2336-4186-9674-299b90a802e2';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
/** `{"item":"book","count":2}` in Avro, with schema 1. */
const BOOKS = bytes('00 00000001 08 626f6f6b 04');

let stub: StubRegistry;
before(async () => {
  stub = await StubRegistry.start();
  stub.add(1, ORDER, { subject: 'orders-value', guid: GUID });
  stub.add(2, { schema: '"string"' }, { subject: 'orders-key' });
  stub.add(3, JSON_SCHEMA, { subject: 'json' });
  stub.add(4, PROTOBUF, { subject: 'protobuf' });
  stub.add(5, { schema: '"long"' }, { subject: 'number' });
});
afterEach(() => {
  closeSchemas();
  stub.trouble = undefined;
});
after(() => stub.stop());

/** `both: {}`: the registry with nothing else said. */
function schemas({ both, producer, consumer }: { both?: object; producer?: object; consumer?: object } = {}) {
  const confluent = { url: stub.url, timeout: 300, ...both };
  const made = route({
    producer: { schema_registry: { confluent }, ...producer },
    consumer: { schema_registry: { confluent: { url: stub.url, timeout: 300 } }, ...consumer },
  });
  let asked = 0;
  const ask = async (body: string, headers: Record<string, string> = {}) => {
    const kong = new FakeKong({
      requestId: `r${++asked}`,
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    await made.producer.access(kong);
    const held = kong.exits.length === 0 ? made.consumer.access(kong) : Promise.resolve();
    return { kong, held };
  };
  return { ...made, ask };
}

const answerOf = ({ exits }: FakeKong) => {
  const [exit] = exits;
  assert.ok(exit, 'it was answered');
  const text = exit.body.toString();
  return { status: exit.status, type: exit.headers['content-type'], text };
};

describe('a route with a schema registry', () => {
  it('sends the bytes of the schema of its subject, and answers with the JSON of the reply', async () => {
    const { ask, kafka, nothingPending } = schemas();
    const { kong, held } = await ask('{"item":"book","count":2}');
    const { record } = kafka.produced[0]!;
    assert.deepEqual(record.value, BOOKS);
    assert.equal(headerOf(record, 'content-type'), 'application/avro');
    kafka.arrive(replyTo(kafka, 0, BOOKS, { 'Content-Type': 'application/avro', 'content-encoding': 'gzip', 'x-a': 'b' })); // prettier-ignore
    await held;
    assert.deepEqual(answerOf(kong), {
      status: 200,
      type: 'application/json',
      text: '{"item":"book","count":2}',
    });
    assert.equal(kong.exits[0]!.headers['x-a'], 'b');
    assert.equal(kong.exits[0]!.headers['content-encoding'], undefined);
    nothingPending();
  });

  it('takes JSON of up to four times the bytes that a reply may have', async () => {
    for (const [zeros, status] of [
      [16, 200],
      [17, 502],
    ] as const) {
      const { ask, kafka } = schemas({ consumer: { max_reply_bytes: 30 } });
      const { kong, held } = await ask('{"item":"book"}');
      // Each zero byte is six characters of JSON.
      const item = Buffer.concat([Buffer.of(2 * zeros), Buffer.alloc(zeros)]);
      kafka.arrive(replyTo(kafka, 0, Buffer.concat([bytes('00 00000001'), item, bytes('04')])));
      await held;
      assert.equal(answerOf(kong).status, status, answerOf(kong).text);
    }
    const { ask, kafka } = schemas({ consumer: { max_reply_bytes: 30 } });
    const { kong, held } = await ask('{"item":"book"}');
    kafka.arrive(replyTo(kafka, 0, `"${'x'.repeat(30)}"`));
    await held;
    assert.match(answerOf(kong).text, /reply_too_large/);
  });

  it('leaves replies alone that name no schema', async () => {
    const { ask, kafka } = schemas();
    const { kong, held } = await ask('{"item":"book"}');
    kafka.arrive(replyTo(kafka, 0, '{"plain":true}'));
    await held;
    assert.equal(answerOf(kong).text, '{"plain":true}');
  });

  it('reads error replies, and the schema from the header', async () => {
    const { ask, kafka } = schemas();
    const { kong, held } = await ask('{"item":"book"}');
    const reply = replyTo(kafka, 0, BOOKS.subarray(5), { REPLY_ERROR: 'x', status: '422' });
    const guid = bytes(`01${GUID.replaceAll('-', '')}`);
    kafka.arrive({ ...reply, headers: [...reply.headers, ['__value_schema_id', guid]] });
    await held;
    assert.deepEqual(answerOf(kong), {
      status: 422,
      type: 'application/json',
      text: '{"item":"book","count":2}',
    });
  });

  it('says what does not fit, and sends nothing', async () => {
    const { ask, kafka } = schemas();
    const { kong } = await ask('{"item":"secret","count":"secret"}');
    assert.equal(kafka.produced.length, 0);
    const { status, text } = answerOf(kong);
    const { code, error, pointer, expected, found } = JSON.parse(text) as Record<string, string>;
    assert.deepEqual(
      { status, code, error, pointer, expected, found },
      {
        status: 400,
        code: 'schema_mismatch',
        error: 'the body at /count: expected int, found a string',
        pointer: '/count',
        expected: 'int',
        found: 'a string',
      },
    );
    assert.ok(!text.includes('secret'));
    const { kong: other } = await ask('{"item":');
    assert.match(answerOf(other).text, /"request_invalid".*the body is not JSON: unexpected end at byte 8/);
  });

  it('writes keys, JSON Schema, Protobuf, and what a message format has made', async () => {
    const named = (subject_name: string, more: object = {}) => ({
      both: { value_schema: { subject_name }, ...more },
    });
    const sent = async (options: object, body: string) => {
      const { ask, kafka } = schemas(options);
      const { kong } = await ask(body, { key: '42' });
      assert.deepEqual(kong.exits, []);
      return kafka.produced[0]!.record;
    };
    const withKey = { producer: { key_source: 'header', key_name: 'key' } };
    const key_schema = { schema_version: 'latest' };
    const value_schema = { subject_name: 'json' };
    const keyed = await sent({ both: { key_schema, value_schema }, producer: { ...withKey.producer, schema_registry: { confluent: { url: stub.url, key_schema, value_schema } } } }, '{"count":1}'); // prettier-ignore
    assert.deepEqual(keyed.key, bytes('00 00000002 04 3432'));
    assert.deepEqual(keyed.value, Buffer.concat([bytes('00 00000003'), Buffer.from('{"count":1}')]));
    assert.equal(headerOf(keyed, 'content-type'), 'application/json');
    const number = await sent({ producer: { ...withKey.producer, schema_registry: { confluent: { url: stub.url, key_schema: { subject_name: 'number' } } } } }, 'as it is'); // prettier-ignore
    assert.deepEqual(number.key, bytes('00 00000005 54'));
    assert.equal(number.value?.toString(), 'as it is');
    const protobuf = await sent(named('protobuf'), '{"item":"book"}');
    assert.deepEqual(protobuf.value, bytes('00 00000004 00 0a 04 626f6f6b'));
    const marked = await sent({ producer: { message_format: 'body_with_correlation_id', correlation_body_field: 'correlation-id', schema_registry: { confluent: { url: stub.url, value_schema } } } }, '{"count":1}'); // prettier-ignore
    assert.match(
      marked.value!.toString('latin1', 5),
      /^\{"count":1,"correlation-id":"[0-9a-f-]{36}"\}$|^\{"correlation-id":/,
    );
  });

  it('answers not_ready, at once, while there is no schema, and works when there is one', async () => {
    stub.trouble = (_request, response) => Boolean(response.writeHead(500).end());
    const { ask, kafka, requestReply } = schemas();
    const { kong } = await ask('{"item":"book"}');
    assert.equal(answerOf(kong).status, 503);
    assert.match(answerOf(kong).text, /not_ready/);
    assert.equal(kong.exits[0]!.headers['retry-after'], '1');
    assert.equal(requestReply.status().ready, false);
    stub.trouble = undefined;
    const deadlineMs = performance.now() + 10_000;
    while (!requestReply.status().ready && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await ask('{"item":"book"}');
    assert.equal(kafka.produced.length, 1);
  });

  it('stays ready when a subject does not exist: that is the mistake of one route', async () => {
    const { ask, requestReply } = schemas({ both: { value_schema: { subject_name: 'nowhere' } } });
    const { kong } = await ask('{"item":"book"}');
    assert.equal(answerOf(kong).status, 503);
    assert.equal(requestReply.status().ready, true);
    assert.match(JSON.stringify(requestReply.status()), /has no version latest of subject nowhere/);
  });

  it('goes on with what is cached while the registry is away', async () => {
    const { ask, kafka } = schemas();
    const first = await ask('{"item":"book"}');
    kafka.arrive(replyTo(kafka, 0, BOOKS));
    await first.held;
    await stub.stop();
    try {
      const second = await ask('{"item":"pen"}');
      kafka.arrive(replyTo(kafka, 1, BOOKS));
      await second.held;
      assert.equal(answerOf(second.kong).status, 200);
    } finally {
      await stub.listen();
    }
  });

  const unreadable: [string, Buffer, RegExp][] = [
    ['shorter than its frame', bytes('00 000001'), /fewer than its frame/],
    ['of an unknown schema', bytes('00 00000063 00'), /the schema registry has no schema 99/],
    ['not of its schema', bytes('00 00000001 08 62'), /schema 1: it ends inside a value/],
  ];
  for (const [what, value, pattern] of unreadable) {
    it(`answers reply_invalid to a reply that is ${what}, or passes it on where it is told to`, async () => {
      const consumer = { error_handling: { return_error_message: true } };
      const told = { schema_registry: { confluent: { url: stub.url } } };
      const strict = schemas({ consumer: { ...told, ...consumer } });
      const { kong, held } = await strict.ask('{"item":"book"}');
      strict.kafka.arrive(replyTo(strict.kafka, 0, value));
      await held;
      assert.equal(answerOf(kong).status, 502);
      assert.match(answerOf(kong).text, /reply_invalid/);
      assert.match(answerOf(kong).text, pattern);
      const lax = schemas({ consumer: { ...told, on_invalid_reply: 'raw' } });
      const passed = await lax.ask('{"item":"book"}');
      lax.kafka.arrive(replyTo(lax.kafka, 0, value));
      await passed.held;
      assert.deepEqual(passed.kong.exits[0]!.body, value);
    });
  }

  it('does not hold a client beyond its time for a schema that does not come', async () => {
    const { ask, kafka, clock, nothingPending } = schemas({ consumer: { timeout: 1000, schema_registry: { confluent: { url: stub.url, timeout: 60_000 } } } }); // prettier-ignore
    const { kong, held } = await ask('{"item":"book"}');
    stub.trouble = () => true;
    kafka.arrive(replyTo(kafka, 0, bytes('00 00000064 00')));
    await settled();
    clock.advance(1100);
    await held;
    assert.match(answerOf(kong).text, /reply_invalid/);
    nothingPending();
  });

  it('finds replies by what is in an encoded key or value', async () => {
    const byKey = schemas({ consumer: { match: 'key', schema_registry: { confluent: { url: stub.url } } } });
    const first = await byKey.ask('{"item":"book"}');
    const id = headerOf(byKey.kafka.produced[0]!.record, 'kafka_correlationId')!;
    const key = Buffer.concat([bytes('00 00000002 48'), Buffer.from(id)]);
    byKey.kafka.arrive({ ...receivedRecord({ topic: 'replies', value: 'yes' }), key });
    await first.held;
    assert.equal(answerOf(first.kong).text, 'yes');
    byKey.nothingPending();

    const byField = schemas({
      consumer: { match: 'body_field', schema_registry: { confluent: { url: stub.url } } },
    });
    const second = await byField.ask('{"item":"book"}');
    const wire = headerOf(byField.kafka.produced[0]!.record, 'kafka_correlationId')!;
    const value = Buffer.concat([bytes('00 00000003'), Buffer.from(`{"correlation-id":"${wire}"}`)]);
    byField.kafka.arrive(receivedRecord({ topic: 'replies', value }));
    await second.held;
    assert.equal(answerOf(second.kong).text, `{"correlation-id":"${wire}"}`);
    byField.nothingPending();
  });
});

/** What a service writes whose serializer puts the schema into a header: the value and the key are bare. */
describe('replies with their schema in a header', () => {
  const guidOf = (digit: number) => `${String(digit).repeat(8)}-2336-4186-9674-299b90a802e2`;
  const header = (digit: number, rest = '') => bytes(`01${guidOf(digit).replaceAll('-', '')}${rest}`);
  const avro = (...fields: object[]) => ({ schema: JSON.stringify({ type: 'record', name: 'Order', fields }) });
  const protobuf = (fields: string) =>
    ({ schemaType: 'PROTOBUF', schema: `syntax="proto3"; message Other {} message Order { ${fields} }` }) as const;
  const json = (properties: object) => ({ schemaType: 'JSON', schema: JSON.stringify({ properties }) }) as const;
  const ITEM = { name: 'item', type: 'string' };
  /** Which message of the file it is stands behind the GUID. */
  const SECOND_MESSAGE = '0202';
  const CASES: [name: string, schema: Parameters<StubRegistry['add']>[1], value: string, read: string, rest?: string][] = [
    ['avro', avro(ITEM), '08626f6f6b', '{"item":"book"}'],
    ['avro, a field added', avro(ITEM, { name: 'count', type: 'int', default: 1 }), '08626f6f6b04', '{"item":"book","count":2}'],
    ['avro, a field renamed', avro({ name: 'title', aliases: ['item'], type: 'string' }), '08626f6f6b', '{"title":"book"}'],
    ['avro, a type widened', avro({ name: 'count', type: 'long' }), '80f882ad16', '{"count":3000000000}'],
    ['json', json({ item: {} }), Buffer.from('{"item":"book"}').toString('hex'), '{"item":"book"}'],
    ['json, a type widened', json({ count: { type: 'number' } }), Buffer.from('{"count":1.5}').toString('hex'), '{"count":1.5}'],
    ['protobuf', protobuf('string item = 1;'), '0a04626f6f6b', '{"item":"book"}', SECOND_MESSAGE],
    ['protobuf, a field added', protobuf('string item = 1; int32 count = 2;'), '0a04626f6f6b1002', '{"item":"book","count":2}', SECOND_MESSAGE],
    ['protobuf, a type widened', protobuf('int64 count = 1;'), '0880bcc1960b', '{"count":"3000000000"}', SECOND_MESSAGE],
  ];
  for (const [index, [name, schema, value, read, rest]] of CASES.entries()) {
    const digit = index + 1;
    it(`are read: ${name}`, async () => {
      stub.add(200 + digit, schema, { guid: guidOf(digit) });
      const { ask, kafka } = schemas();
      const { kong, held } = await ask('{"item":"book"}');
      const reply = replyTo(kafka, 0, bytes(value));
      kafka.arrive({ ...reply, headers: [...reply.headers, ['__value_schema_id', header(digit, rest)]] });
      await held;
      assert.deepEqual(answerOf(kong), { status: 200, type: 'application/json', text: read });
    });
  }

  const KEYS: [name: string, schema: Parameters<StubRegistry['add']>[1], encode: (id: string) => Buffer][] = [
    ['avro', { schema: '"string"' }, (id) => Buffer.concat([Buffer.of(2 * id.length), Buffer.from(id)])],
    ['json', { schemaType: 'JSON', schema: '{"type":"string"}' }, (id) => Buffer.from(JSON.stringify(id))],
  ];
  for (const [index, [name, schema, encode]] of KEYS.entries()) {
    it(`are found by their key: ${name}`, async () => {
      const guid = `${index}`.repeat(8) + '-0000-4186-9674-299b90a802e2';
      stub.add(300 + index, schema, { guid });
      const { ask, kafka, nothingPending } = schemas({
        consumer: { match: 'key', schema_registry: { confluent: { url: stub.url } } },
      });
      const { kong, held } = await ask('{"item":"book"}');
      const id = headerOf(kafka.produced[0]!.record, 'kafka_correlationId')!;
      kafka.arrive({
        ...receivedRecord({ topic: 'replies', value: 'yes' }),
        key: encode(id),
        headers: [['__key_schema_id', bytes(`01${guid.replaceAll('-', '')}`)]],
      });
      await held;
      assert.equal(answerOf(kong).text, 'yes');
      nothingPending();
    });
  }
}); // prettier-ignore

it('one registry serves both ways of the plugin that has both halves', async () => {
  const kafka = new FakeKafka();
  const requestReply = new RequestReply({ clients: kafka, clock: new FakeClock() });
  requestReply.setTogether(false);
  const handler = new RequestReplyHandler(
    parseRequestReplyConfig({
      bootstrap_servers: SERVERS,
      topic: 'orders',
      reply_topic: 'replies',
      schema_registry: { confluent: { url: stub.url } },
    }),
    requestReply,
  );
  const kong = new FakeKong({ headers: {}, body: '{"item":"book","count":2}' });
  kafka.onProduce = () => kafka.arrive(replyTo(kafka, 0, BOOKS));
  await handler.access(kong);
  assert.deepEqual(kafka.produced[0]!.record.value, BOOKS);
  assert.equal(answerOf(kong).text, '{"item":"book","count":2}');
  handler.close();
});
