/**
 * Every option of custom_kafka_producer: what goes in over HTTP, and the exact record that a real Kafka then has.
 * An option that no case names fails the last test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OptionTable } from '../../bridge/config/fields';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PRODUCER_OPTIONS } from '../../plugins/custom_kafka_producer/config';
import { readAll } from '../support/read-all';
import { ask, Stack, type Answer } from '../support/stack';

interface Case {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** Without the route's own path in front. */
  readonly request?: {
    readonly method?: string;
    readonly query?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Buffer;
  };
  /** Absent: no record. */
  readonly record?: {
    /** Default: the case's own topic. */
    readonly topic?: string;
    readonly partition?: number;
    /** Default: none. */
    readonly key?: string;
    /** All of them in their order; `*` stands for a value that is new every time. Default: those of a bare request. */
    readonly headers?: readonly (readonly [string, string])[];
    /** Default: the body as it was sent. */
    readonly value?: string | Buffer;
  };
  /** Default 200. */
  readonly status?: number;
  readonly code?: string;
}

const ALTERNATIVE = 'walk.alternative';
const PARTITIONS = 4;
/** What every record carries. */
const OWN = [
  ['idempotency-key', '*'],
  ['Kong-Request-ID', '*'],
] as const;
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const BYTES = Buffer.from([0, 0xff, 0x27, 0x22, 0xc3, 0x28]);

const CASES: readonly Case[] = [
  { name: 'topic, bootstrap_servers', config: {}, request: { body: BYTES }, record: {} },
  {
    name: 'correlation_header: another name',
    config: { correlation_header: 'X-Order-Id' },
    request: { headers: { 'x-order-id': 'mine' } },
    record: { headers: [['idempotency-key', '*'], ['X-Order-Id', 'mine']] }, // prettier-ignore
  },
  {
    name: 'topics_query_arg, allowed_topics: chosen',
    config: { topics_query_arg: 'to', allowed_topics: [ALTERNATIVE] },
    request: { query: `?to=${ALTERNATIVE}`, body: 'chosen' },
    record: { topic: ALTERNATIVE },
  },
  {
    name: 'topics_query_arg: not given',
    config: { topics_query_arg: 'to', allowed_topics: [ALTERNATIVE] },
    record: {},
  },
  {
    name: 'allowed_topics: not among them',
    config: { topics_query_arg: 'to', allowed_topics: [ALTERNATIVE] },
    request: { query: '?to=__consumer_offsets' },
    status: 400,
    code: 'request_invalid',
  },
  // The partitions are those of Java's murmur2: Kafka's own test vectors "foobar" and "21", modulo 4.
  {
    name: 'key_query_arg',
    config: { key_query_arg: 'k' },
    request: { query: '?k=foobar' },
    record: { key: 'foobar', partition: 2 },
  },
  {
    name: 'key_source query, key_name',
    config: { key_source: 'query', key_name: 'k' },
    request: { query: '?k=21' },
    record: { key: '21', partition: 0 },
  },
  {
    name: 'key_source header',
    config: { key_source: 'header', key_name: 'X-Customer' },
    request: { headers: { 'x-customer': 'foobar' } },
    record: { key: 'foobar', partition: 2 },
  },
  {
    name: 'key_source body_field: a JSON pointer',
    config: { key_source: 'body_field', key_name: '/order/0/id' },
    request: { body: '{"order":[{"id":"foobar"}]}', headers: { 'content-type': 'application/json' } },
    record: { key: 'foobar', partition: 2, headers: [['content-type', 'application/json'], ...OWN] },
  },
  { name: 'key_source correlation_id', config: { key_source: 'correlation_id' }, record: { key: '*' } },
  { name: 'key_source: nothing there', config: { key_source: 'query', key_name: 'k' }, record: {} },
  {
    name: 'key_source: too long',
    config: { key_source: 'header', key_name: 'x-customer' },
    request: { headers: { 'x-customer': 'x'.repeat(5000) } },
    status: 400,
    code: 'request_invalid',
  },
  {
    name: 'message_format envelope, forward_method, forward_uri, forward_headers, forward_body',
    config: {
      message_format: 'envelope',
      forward_method: true,
      forward_uri: true,
      forward_headers: true,
      headers: { exclude_headers: ['host', 'connection', 'content-length', 'kong-request-id'] },
    },
    request: {
      method: 'PUT',
      query: '?a=1&a=2&b',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-one': '1', cookie: 'secret' },
      body: 'name=Ada+L&city=%C3%96',
    },
    record: {
      headers: [['content-type', 'application/json'], ...OWN],
      value: JSON.stringify({
        method: 'PUT',
        uri: 'PATH?a=1&a=2&b',
        uri_args: { a: ['1', '2'], b: true },
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-one': '1' },
        body: 'name=Ada+L&city=%C3%96',
        body_args: { name: 'Ada L', city: 'Ö' },
      }),
    },
  },
  {
    name: 'message_format envelope: bytes',
    config: { message_format: 'envelope' },
    request: { headers: { 'content-type': 'image/png' }, body: BYTES },
    record: {
      headers: [['content-type', 'application/json'], ...OWN],
      value: JSON.stringify({ body: BYTES.toString('base64'), body_args: {}, body_base64: true }),
    },
  },
  {
    name: 'message_format envelope: a body that is not what it says',
    config: { message_format: 'envelope' },
    request: { headers: { 'content-type': 'application/json' }, body: '{"a":' },
    status: 400,
    code: 'request_invalid',
  },
  {
    name: 'forward_body: false',
    config: { message_format: 'envelope', forward_body: false, forward_method: true },
    record: { headers: [['content-type', 'application/json'], ...OWN], value: '{"method":"POST"}' },
  },
  {
    name: 'message_format body_with_correlation_id, correlation_body_field',
    config: { message_format: 'body_with_correlation_id', correlation_body_field: 'cid' },
    request: { headers: { 'content-type': 'application/json' }, body: '{"a":1.0}' },
    record: {
      headers: [['content-type', 'application/json'], ...OWN],
      value: '{"cid":"UUID","a":1.0}',
    },
  },
  {
    name: 'message_format cloudevents_binary, cloudevents_type',
    config: {
      message_format: 'cloudevents_binary',
      cloudevents_type: 'org.example.order',
      key_query_arg: 'k',
    },
    request: { query: '?k=foobar', headers: { 'content-type': 'text/plain' }, body: 'data' },
    record: {
      key: 'foobar',
      headers: [
        ['content-type', 'text/plain'],
        ...OWN,
        ['ce_specversion', '1.0'],
        ['ce_id', '*'],
        ['ce_source', '/kong/routes/ROUTE'],
        ['ce_type', 'org.example.order'],
        ['ce_time', '*'],
        ['ce_partitionkey', 'foobar'],
      ],
    },
  },
  {
    name: 'message_format cloudevents_structured',
    config: { message_format: 'cloudevents_structured' },
    request: { headers: { 'content-type': 'application/json' }, body: '{"n":1.50}' },
    record: {
      headers: [['content-type', 'application/cloudevents+json'], ...OWN],
      value:
        '{"specversion":"1.0","id":"HEX","source":"/kong/routes/ROUTE","type":"kong.http.request","time":"TIME","datacontenttype":"application/json","data":{"n":1.50}}',
    },
  },
  {
    name: 'headers.include_headers, headers.name_mappings',
    config: { headers: { include_headers: ['X-One', 'x-two'], name_mappings: { 'x-two': 'Zwei' } } },
    request: { headers: { 'x-one': '1', 'x-two': '2', 'x-three': '3' } },
    record: { headers: [['x-one', '1'], ['Zwei', '2'], ...OWN] }, // prettier-ignore
  },
  {
    name: 'headers.forward_all_by_default, headers.exclude_headers',
    config: {
      headers: {
        forward_all_by_default: true,
        exclude_headers: ['x-two', 'host', 'user-agent', 'accept', 'content-length', 'x-forwarded-*'],
      },
    },
    request: { headers: { 'x-one': '1', X_Two: '2', authorization: 'secret', kafka_replyTopic: 'mine' } },
    record: { headers: [['x-one', '1'], ...OWN] },
  },
  {
    name: 'headers.forward_http_headers_as_record_headers: false',
    config: {
      headers: { forward_http_headers_as_record_headers: false, include_headers: ['x-one'] },
    },
    request: { headers: { 'x-one': '1', traceparent: TRACEPARENT } },
    record: {},
  },
  {
    name: 'headers.repeated_headers_behavior',
    config: { headers: { include_headers: ['x-one'], repeated_headers_behavior: 'concatenate_by_comma' } },
    request: { headers: { 'x-one': '1, 2' } },
    record: { headers: [['x-one', '1, 2'], ...OWN] },
  },
  {
    name: 'headers.method_and_path',
    config: { headers: { method_and_path: true } },
    request: { method: 'DELETE', query: '?a=1' },
    record: {
      headers: [
        ...OWN,
        [':method', 'DELETE'],
        [':path', 'PATH?a=1'],
        [':scheme', 'http'],
        [':authority', '*'],
      ],
    },
  },
  {
    name: 'headers.deadline_after',
    config: { headers: { deadline_after: 4000 } },
    record: { headers: [...OWN, ['deadline', '*'], ['ttl', '4000']] }, // prettier-ignore
  },
  {
    name: 'idempotency-key and trace context of the client',
    config: {},
    request: { headers: { 'idempotency-key': 'abc', traceparent: TRACEPARENT, tracestate: 'a=b' } },
    record: {
      headers: [
        ['idempotency-key', 'abc'],
        ['Kong-Request-ID', '*'],
        ['traceparent', TRACEPARENT],
        ['tracestate', 'a=b'],
      ],
    },
  },
  {
    name: 'trace.b3',
    config: { trace: { b3: 'single' } },
    request: { headers: { traceparent: TRACEPARENT } },
    record: {
      headers: [
        ...OWN,
        ['traceparent', TRACEPARENT],
        ['b3', '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1'],
      ],
    },
  },
  {
    // What Kong is told besides is seen in test/plugins/traces.test.ts.
    name: 'trace.kong, log_fields',
    config: { trace: { kong: 'join' }, log_fields: true },
    request: { headers: { traceparent: TRACEPARENT } },
    record: { headers: [...OWN, ['traceparent', TRACEPARENT]] },
  },
  {
    name: 'max_request_bytes: one more',
    config: { max_request_bytes: 10 },
    request: { body: '12345678901' },
    status: 413,
    code: 'request_too_large',
  },
  {
    name: 'max_request_bytes: as many',
    config: { max_request_bytes: 10 },
    request: { body: '1234567890' },
    record: {},
  },
  ...['gzip', 'snappy', 'lz4'].map((compression_type) => ({
    name: `compression_type ${compression_type}`,
    config: { compression_type },
    request: { body: 'a'.repeat(10_000) },
    record: {},
  })),
];

/** Options that say nothing about the record, or that need more than one request, and the test that walks them. */
const ELSEWHERE: Record<string, string> = {
  reply_topic: 'request-reply.test.ts',
  reply_routing: 'reply-routing.test.ts',
  reply_partition: 'reply-routing.test.ts',
  orphan_topic: 'reply-routing.test.ts',
  idempotency: 'results.test.ts, test/plugins/idempotency.test.ts',
  keep_replies: 'test/plugins/idempotency.test.ts',
  dialects: 'request-reply.test.ts',
  correlation: 'request-reply.test.ts',
  max_in_flight: 'test/plugins/request-reply.test.ts',
  error_handling: 'test/bridge/errors.test.ts',
  forward_consumer: 'test/plugins/request-to-record.test.ts',
  producer_: 'one-way.test.ts, test/bridge/config/produce-options.test.ts',
  cluster_name: 'kafka/security.test.ts',
  authentication: 'kafka/security.test.ts',
  security: 'kafka/security.test.ts',
  client_properties: 'kafka/security.test.ts',
  schema_registry: 'schema-registry.test.ts',
  message_by_lua_functions: 'test/support/refused-configurations.ts',
  expressions: 'test/support/refused-configurations.ts',
  timeout: 'test/bridge/kafka/connection.test.ts',
  keepalive: 'test/bridge/kafka/connection.test.ts',
};

const kafka = useKafka();

test('every option makes exactly the record it promises', async (t) => {
  await kafka.server.createTopic(ALTERNATIVE, { partitions: PARTITIONS });
  const topics = await Promise.all(CASES.map(() => kafka.topic({ partitions: PARTITIONS })));
  const stack = await Stack.start(
    kafka.bootstrapServers,
    CASES.map(({ config }, index) => ({
      path: `/walk-${index}`,
      producer: { topic: topics[index], ...config },
    })),
  );
  try {
    for (const [index, given] of CASES.entries()) {
      await t.test(given.name, async () => {
        const { method = 'POST', query = '', headers = {}, body = '' } = given.request ?? {};
        const path = `/walk-${index}`;
        const answer = await ask(stack.url + path + query, { method, headers, body });
        assert.equal(answer.status, given.status ?? 200, answer.body.toString());
        if (given.code !== undefined) assert.equal(answer.json.code, given.code);
        const topic = given.record?.topic ?? topics[index]!;
        const records = await readAll(kafka.connection, topic, given.record ? 1 : 0);
        assert.equal(records.length, given.record ? 1 : 0);
        if (given.record) compare(records[0]!, given, { path, body, answer });
      });
    }
    await stack.nothingPending();
  } finally {
    await stack.stop();
  }
});

function compare(
  record: ReceivedRecord,
  { record: expected = {} }: Case,
  { path, body }: { path: string; body: string | Buffer; answer: Answer },
): void {
  const fill = (text: string) => text.replaceAll('PATH', path).replaceAll('ROUTE', path.slice(1));
  const { key = null, partition, headers = OWN, value } = expected;
  if (key === '*') assert.match(record.key?.toString() ?? '', UUID);
  else assert.equal(record.key?.toString() ?? null, key);
  if (partition !== undefined) assert.equal(record.partition, partition);
  const found = record.headers.map(([name, bytes]) => [name, bytes.toString()] as const);
  assert.deepEqual(
    found.map(([name, text], at) => [name, headers[at]?.[1] === '*' && text !== '' ? '*' : text]),
    headers.map(([name, text]) => [name, fill(text)]),
  );
  if (typeof value === 'string') {
    const text = (record.value?.toString() ?? '')
      .replace(/"time":"[^"]+"/, '"time":"TIME"')
      .replace(/"id":"[0-9a-f]{32}"/, '"id":"HEX"')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'UUID');
    assert.equal(text, fill(value));
  } else assert.deepEqual(record.value, value ?? Buffer.from(body as string));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function names(table: OptionTable, prefix = ''): string[] {
  return table.flatMap((field) =>
    field.type === 'record' ? names(field.fields, `${prefix}${field.name}.`) : [prefix + field.name],
  );
}

test('no option is left out of the walk', () => {
  const walked = CASES.map(({ name, config }) => `${name} ${JSON.stringify(config)}`).join('\n');
  const isWalked = (name: string) => {
    const last = name.slice(name.lastIndexOf('.') + 1);
    return walked.includes(last) || Object.keys(ELSEWHERE).some((other) => name.startsWith(other));
  };
  assert.deepEqual(
    names(PRODUCER_OPTIONS).filter((name) => !isWalked(name)),
    [],
  );
});
