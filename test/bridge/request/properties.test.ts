/** Whatever a client sends: a record or a GatewayError, never another exception, never a forbidden header. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../bridge/errors';
import { B3_FORMS } from '../../../bridge/telemetry/trace-context';
import { toNativeHeaders, toNativeKey } from '../../../bridge/kafka/record-conversion';
import type { OutgoingRecord } from '../../../bridge/kafka/records';
import { REPEATED_HEADERS } from '../../../bridge/request/header-rules';
import type { HttpRequest } from '../../../bridge/request/http-request';
import { jsonBody } from '../../../bridge/request/json-body';
import { parseMultipart } from '../../../bridge/request/multipart';
import { recordBuilder, type RecordOptions } from '../../../bridge/request/record-builder';
import { KEY_SOURCES } from '../../../bridge/request/record-key';
import { MESSAGE_FORMATS } from '../../../bridge/request/record-value';
import { isForbidden } from '../../../bridge/request/reserved-headers';
import { parseUrlArgs, urlArgsJson } from '../../../bridge/request/url-args';
import { httpRequest } from '../../support/requests';

/** Text as Kong hands it over: any byte. */
const bytesAsText = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const anyText = fc.oneof(bytesAsText, fc.string({ unit: 'binary' }), fc.string());

const STEERING = [
  'kafka_replyTopic',
  'KAFKA-CORRELATIONID',
  'reply_topic',
  'Reply-To',
  'correlation_id',
  '__typeid__',
  '--TypeId--',
  'spring_json_header_types',
  'ce_type',
  'ce-id',
  'rig-correlation',
  'x_status_code',
  'transfer_encoding',
  'Content_Length',
  'x_consumer_id',
  'proxy-authorization',
  ':status',
  'zilla:reply-to',
  'connection',
];
const OTHERS = [
  'content-type',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'idempotency-key',
  'kong-request-id',
  'x-a',
  'host',
  '__proto__',
];
const headerName = fc.oneof(fc.constantFrom(...STEERING, ...OTHERS), anyText);

const contentType = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    'text/plain',
    'image/png',
  ),
  anyText,
);

const multipartBody = fc
  .array(
    fc.constantFrom('--b', '--', '\r\n', '\r\n\r\n', 'Content-Disposition: form-data; name="a"', 'x', '\0'),
    {
      maxLength: 20,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
  multipartBody,
  fc.constantFrom('a=1&b=%ff&__proto__=2', '{"a":', '[['.repeat(100)).map((text) => Buffer.from(text)),
);

const request: fc.Arbitrary<HttpRequest> = fc
  .record({
    id: fc.constantFrom('r1', ''),
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.dictionary(headerName, fc.oneof(anyText, fc.array(anyText, { maxLength: 3 })), {
      maxKeys: 8,
    }),
    contentType: fc.option(contentType),
    body,
    rawQuery: fc.oneof(anyText, fc.constantFrom('t=bills&k=1', 't=x', 'k=%ff', 'k=%00')),
    uri: anyText,
    scheme: fc.constant('https'),
    captures: fc.dictionary(fc.constantFrom('id', '__proto__'), anyText),
    consumer: fc.option(fc.record({ id: anyText, username: anyText }), { nil: undefined }),
    route: fc.option(anyText, { nil: undefined }),
  })
  .map(({ contentType: type, headers, ...rest }) => ({
    ...rest,
    headers: type === null ? headers : { ...headers, 'content-type': type },
  }));

const options: fc.Arbitrary<RecordOptions> = fc.record({
  topic: fc.constantFrom(
    { topic: 'orders', queryArg: undefined, allowed: [] },
    { topic: 'orders', queryArg: 't', allowed: ['bills'] },
  ),
  key: fc.record({
    source: fc.constantFrom(...KEY_SOURCES),
    name: fc.constantFrom('k', 'id', 'x-a', '/a/0'),
  }),
  value: fc.record({
    format: fc.constantFrom(...MESSAGE_FORMATS),
    envelope: fc.record({
      method: fc.boolean(),
      uri: fc.boolean(),
      headers: fc.boolean(),
      body: fc.boolean(),
    }),
    correlationBodyField: fc.constantFrom('correlation_id', '__proto__'),
    cloudEventsType: fc.constant('t'),
  }),
  headers: fc.record({
    forward: fc.boolean(),
    forwardAll: fc.boolean(),
    include: fc.array(fc.oneof(headerName, fc.constant('*')), { maxLength: 3 }),
    exclude: fc.array(headerName, { maxLength: 2 }),
    rename: fc.dictionary(headerName, headerName, { maxKeys: 3 }),
    repeated: fc.constantFrom(...REPEATED_HEADERS),
    dialects: fc.constant(['plain', 'spring', 'smallrye', 'zilla'] as const),
    replyTopic: fc.constantFrom('replies', undefined),
    correlationHeader: fc.constantFrom('Kong-Request-ID', 'correlation_id', 'kafka_replyTopic'),
    methodAndPath: fc.boolean(),
    consumer: fc.boolean(),
    deadlineAfterMs: fc.constantFrom(0, 5000),
    b3: fc.constantFrom(...B3_FORMS),
  }),
});

/** Undefined for a request that was refused. */
function build(given: RecordOptions, from: HttpRequest): OutgoingRecord | undefined {
  try {
    return recordBuilder(given).build(from, 'wire-id', 1000);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.ok(error.status >= 400 && error.status < 500, `${error.message} is no error of the client`);
    return undefined;
  }
}

const RUNS = { numRuns: 3000 };

test('any request under any options is a record or a refusal', () => {
  fc.assert(
    fc.property(options, request, (given, from) => {
      const record = build(given, from);
      if (!record) return;
      assert.ok(['orders', 'bills'].includes(record.topic));
      assert.ok((toNativeKey(record.key)?.length ?? 0) <= 4096);
      // What the gateway has to say is bounded: at most two for each of four dialects, six of a CloudEvent or a trace, five more.
      assert.ok(toNativeHeaders(record).length <= 64 + 25);
      for (const [name, value] of record.headers) {
        assert.doesNotMatch(value, /[\0\r\n]/);
        if (name === 'traceparent') assert.match(value, /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
      }
    }),
    RUNS,
  );
});

test('no forbidden header is the work of a client', () => {
  fc.assert(
    fc.property(options, request, (given, from) => {
      const plain = {
        ...given,
        value: { ...given.value, format: 'raw' as const },
        headers: { ...given.headers, methodAndPath: false, consumer: false },
      };
      for (const [name, value] of build(plain, from)?.headers ?? []) {
        if (isForbidden(name)) assert.ok(['wire-id', 'replies'].includes(value), `${name}: ${value}`);
      }
    }),
    RUNS,
  );
});

test('addressing is there once, whatever a client sends and a configuration renames', () => {
  fc.assert(
    fc.property(options, request, (given, from) => {
      const record = build({ ...given, headers: { ...given.headers, replyTopic: 'replies' } }, from);
      if (!record) return;
      const values = (normalName: string) =>
        record.headers
          .filter(([name]) => name.toLowerCase().replaceAll('_', '-') === normalName)
          .map(([, value]) => value);
      assert.deepEqual(values('kafka-correlationid'), ['wire-id']);
      assert.deepEqual(values('kafka-replytopic'), ['replies']);
      assert.deepEqual(values('correlation-id'), ['wire-id']);
      assert.deepEqual(values('reply-to'), ['replies']);
    }),
    RUNS,
  );
});

test('raw never changes a body', () => {
  fc.assert(
    fc.property(options, request, (given, from) => {
      const copy = Buffer.from(from.body);
      const record = build({ ...given, value: { ...given.value, format: 'raw' } }, from);
      if (record) assert.ok(record.value?.equals(copy));
    }),
    RUNS,
  );
});

test('formats that are JSON are JSON', () => {
  fc.assert(
    fc.property(
      options,
      fc.constantFrom('envelope', 'cloudevents_structured', 'body_with_correlation_id'),
      request,
      (given, format, from) => {
        const record = build({ ...given, value: { ...given.value, format } }, from);
        if (record) assert.equal(typeof JSON.parse(record.value!.toString()), 'object');
      },
    ),
    RUNS,
  );
});

test('the envelope gives the body back, byte by byte', () => {
  const bodyOnly = { method: false, uri: false, headers: false, body: true };
  fc.assert(
    fc.property(options, request, (given, from) => {
      const value = { ...given.value, format: 'envelope' as const, envelope: bodyOnly };
      const record = build({ ...given, value }, from);
      if (!record) return;
      const sent = JSON.parse(record.value!.toString()) as { body: string; body_base64?: boolean };
      assert.ok(Buffer.from(sent.body, sent.body_base64 ? 'base64' : 'utf8').equals(from.body));
    }),
    RUNS,
  );
});

test('JSON keeps its value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      assert.equal(jsonBody(httpRequest({ body: json })).text, json);
    }),
  );
});

test('arguments come back as they were escaped', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))),
      (pairs) => {
        const unique = new Map(pairs.filter(([name]) => name !== ''));
        const raw = [...unique].map(
          ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
        );
        assert.deepEqual(JSON.parse(urlArgsJson(parseUrlArgs(raw.join('&')))), Object.fromEntries(unique));
      },
    ),
  );
});

test('the parts of a multipart form come back as they were put together', () => {
  const content = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(content, { maxLength: 5 }), (contents) => {
      const whole = Buffer.concat([
        ...contents.flatMap((part, index) => [
          Buffer.from(`--boundary\r\nContent-Disposition: form-data; name="${index}"\r\n\r\n`),
          part,
          Buffer.from('\r\n'),
        ]),
        Buffer.from('--boundary--\r\n'),
      ]);
      const parts = parseMultipart(whole, 'multipart/form-data; boundary=boundary');
      assert.deepEqual(
        parts,
        contents.map((part, index) => ({ name: String(index), content: part, contentType: undefined })),
      );
    }),
  );
});
