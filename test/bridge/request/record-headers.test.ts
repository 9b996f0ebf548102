import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  recordHeaders,
  type FormatHeaders,
  type HeaderOptions,
} from '../../../bridge/request/record-headers';
import { httpRequest } from '../../support/requests';

const OPTIONS: HeaderOptions = {
  forward: true,
  forwardAll: false,
  include: [],
  exclude: [],
  rename: {},
  repeated: 'concatenate_by_comma',
  dialects: ['spring'],
  replyTopic: 'replies',
  correlationHeader: 'Kong-Request-ID',
  methodAndPath: false,
  consumer: false,
  deadlineAfterMs: 0,
  b3: 'off',
};
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const ONE_WAY = { replyTopic: undefined };

function headersFor(headers: Record<string, string | string[]>, options: Partial<HeaderOptions> = {}) {
  return recordHeaders({ ...OPTIONS, ...options })(httpRequest({ headers }), 'wire-id', 1000);
}

/** Without what the gateway adds to every record. */
function forwarded(headers: Record<string, string | string[]>, options: Partial<HeaderOptions> = {}) {
  const own = ['idempotency-key', 'Kong-Request-ID'];
  return headersFor(headers, { ...ONE_WAY, ...options }).filter(([name]) => !own.includes(name));
}

test('a record carries media type, trace context, idempotency key, the id of Kong and the addressing', () => {
  const headers = {
    'content-type': 'text/csv',
    traceparent: TRACEPARENT,
    'kong-request-id': 'shown',
    'x-other': 'no',
  };
  assert.deepEqual(headersFor(headers), [
    ['content-type', 'text/csv'],
    ['idempotency-key', 'kong-id'],
    ['Kong-Request-ID', 'shown'],
    ['traceparent', TRACEPARENT],
    ['kafka_correlationId', 'wire-id'],
    ['kafka_replyTopic', 'replies'],
  ]);
});

test('the key a client chose for idempotency is kept', () => {
  assert.deepEqual(headersFor({ 'idempotency-key': 'mine' })[0], ['idempotency-key', 'mine']);
  const excluded = headersFor({ 'idempotency-key': 'mine' }, { exclude: ['Idempotency-Key'] });
  assert.deepEqual(excluded[0], ['idempotency-key', 'kong-id']);
});

/** Kong keeps underscores in header names, so a client can send `kafka_replyTopic` and try to redirect the reply. */
test('nothing a client sends decides where the reply goes', () => {
  const headers = {
    kafka_replyTopic: 'elsewhere',
    kafka_replytopic: 'elsewhere',
    kafka_correlationid: 'forged',
    'correlation-id': 'forged',
    correlation_id: 'forged',
  };
  for (const options of [{}, { forwardAll: true }, { include: Object.keys(headers) }, { include: ['*'] }]) {
    const values = headersFor(headers, options).map(([, value]) => value);
    assert.ok(!values.includes('elsewhere') && !values.includes('forged'));
  }
  const named = headersFor({ kafka_correlationid: 'forged' }, { correlationHeader: 'kafka_correlationId' });
  assert.deepEqual(
    named.filter(([name]) => name.toLowerCase() === 'kafka_correlationid'),
    [['kafka_correlationId', 'wire-id']],
  );
});

test('one-way records carry no addressing', () => {
  const names = headersFor({}, ONE_WAY).map(([name]) => name);
  assert.deepEqual(names, ['idempotency-key', 'Kong-Request-ID']);
});

test('a correlation header under a name that steers responders is not written', () => {
  assert.deepEqual(headersFor({}, { ...ONE_WAY, correlationHeader: 'REPLY_TOPIC' }), [
    ['idempotency-key', 'kong-id'],
  ]);
});

test('values are text: UTF-8, or else latin1; with control characters they are left out', () => {
  const include = ['x-utf8', 'x-latin1', 'x-tab', 'x-lf', 'x-nul', 'x-c1', 'x-empty'];
  const headers = {
    'x-utf8': 'caf\xc3\xa9',
    'x-latin1': 'caf\xe9',
    'x-tab': 'a\tb',
    'x-lf': 'a\r\nb: c',
    'x-nul': 'a\0b',
    'x-c1': 'a\x85b',
    'x-empty': '',
  };
  assert.deepEqual(forwarded(headers, { include }), [
    ['x-utf8', 'café'],
    ['x-latin1', 'café'],
    ['x-tab', 'a\tb'],
  ]);
});

test('a header that comes several times', () => {
  const headers = { 'x-a': ['1', '2'] };
  const include = ['x-a'];
  assert.deepEqual(forwarded(headers, { include }), [['x-a', '1, 2']]);
  assert.deepEqual(forwarded(headers, { include, repeated: 'take_first' }), [['x-a', '1']]);
  assert.deepEqual(forwarded(headers, { include, repeated: 'retain_duplicates' }), [
    ['x-a', '1'],
    ['x-a', '2'],
  ]);
});

test('what Connection names stays on that connection', () => {
  const headers = { connection: 'keep-alive, X-Hop', 'x-hop': '1', 'x-end': '2' };
  assert.deepEqual(forwarded(headers, { forwardAll: true }), [['x-end', '2']]);
});

test('method and path go along under the names of pseudo headers', () => {
  const request = httpRequest({
    method: 'PUT',
    uri: '/a%20b?c=1',
    scheme: 'https',
    headers: { host: 'shop' },
  });
  const headers = recordHeaders({ ...OPTIONS, ...ONE_WAY, methodAndPath: true })(request, 'id', 0);
  assert.deepEqual(headers.slice(2), [
    [':method', 'PUT'],
    [':path', '/a%20b?c=1'],
    [':scheme', 'https'],
    [':authority', 'shop'],
  ]);
});

test('the consumer is the one Kong knows, whatever the client says', () => {
  const headers = { 'x-consumer-id': 'forged', X_Consumer_Username: 'forged' };
  const request = httpRequest({ headers, consumer: { id: 'c1', username: 'J\xc3\xb6rg' } });
  const options = { ...OPTIONS, ...ONE_WAY, consumer: true, forwardAll: true };
  assert.deepEqual(recordHeaders(options)(request, 'id', 0).slice(2), [
    ['x-consumer-id', 'c1'],
    ['x-consumer-username', 'Jörg'],
  ]);
  assert.deepEqual(recordHeaders(options)(httpRequest({ headers, consumer: {} }), 'id', 0).length, 2);
});

test('the deadline is said as a time and as a remainder', () => {
  assert.deepEqual(headersFor({ ttl: '9', deadline: '9' }, { ...ONE_WAY, deadlineAfterMs: 500 }).slice(2), [
    ['deadline', '1500'],
    ['ttl', '500'],
  ]);
});

test('the media type of the format stands in for that of the client', () => {
  const make = recordHeaders({ ...OPTIONS, ...ONE_WAY });
  const request = httpRequest({ headers: { 'content-type': 'text/csv' } });
  const format = { contentType: 'application/json', headers: [['ce_id', '1']] as const };
  const headers = make(request, 'id', 0, format);
  assert.deepEqual(headers[0], ['content-type', 'application/json']);
  assert.deepEqual(headers.at(-1), ['ce_id', '1']);
});

for (const [what, headers] of [
  ['more than 64', Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`x-${i}`, '1']))],
  ['one over 8 KB', { 'x-big': 'a'.repeat(8200) }],
  ['over 16 KB in all', { 'x-a': 'a'.repeat(6000), 'x-b': 'a'.repeat(6000), 'x-c': 'a'.repeat(6000) }],
  ['one that is over 8 KB in UTF-8 only', { 'x-big': 'é'.repeat(4200) }],
] as const) {
  test(`headers are too large: ${what}`, () => {
    assert.throws(() => forwarded(headers, { forwardAll: true }), { code: 'headers_too_large', status: 431 });
    assert.doesNotThrow(() => forwarded(headers), 'what is not forwarded does not count');
  });
}

test('the client is told which of its headers is too large, by the name it gave it', () => {
  const options = { include: ['x-big'], rename: { 'x-big': 'internal-name' } };
  assert.throws(() => forwarded({ 'x-big': 'a'.repeat(8200) }, options), {
    reason: 'headers to be forwarded: x-big has more than 8192 bytes',
  });
});

test('text that has become UTF-8 says so, and nothing else changes', () => {
  const headersOf = (contentType: string, isUtf8: boolean) =>
    recordHeaders({ ...OPTIONS, ...ONE_WAY })(
      httpRequest({ headers: { 'content-type': contentType } }),
      'id',
      0,
      {
        isUtf8,
      },
    )[0];
  assert.deepEqual(headersOf('a/json; charset=utf-16', true), ['content-type', 'a/json; charset=utf-8']);
  assert.deepEqual(headersOf('a/json; charset=utf-16', false), ['content-type', 'a/json; charset=utf-16']);
  assert.deepEqual(headersOf('a/json;v=1', true), ['content-type', 'a/json;v=1']);
});

/**
 * A service that got a compressed body as it was sent read `content-type: application/json` over bytes that are none:
 * `content-encoding` was left out, unless somebody had thought of forwarding it.
 */
test('of a body as it was sent the record says how to read it, whatever is forwarded', () => {
  const encodingOf = (
    given: string | string[],
    options: Partial<HeaderOptions> = {},
    format: FormatHeaders = { isAsSent: true },
    body = 'x',
  ) =>
    recordHeaders({ ...OPTIONS, ...ONE_WAY, ...options })(
      httpRequest({ headers: { 'content-encoding': given, content_encoding: 'forged' }, body }),
      'wire-id',
      0,
      format,
    ).filter(([name]) => /content.encoding/i.test(name));

  const gzip = [['content-encoding', 'gzip']];
  assert.deepEqual(encodingOf('gzip'), gzip);
  assert.deepEqual(encodingOf('GZip', { forward: false }), gzip);
  // By the rules it would come twice, or under the name that a client chose.
  assert.deepEqual(
    encodingOf('gzip', { forwardAll: true, include: ['content-encoding', 'content_encoding'] }),
    gzip,
  );
  assert.deepEqual(
    encodingOf('gzip', { rename: { 'content-encoding': 'x' }, include: ['content-encoding'] }),
    gzip,
  );
  assert.deepEqual(encodingOf(['gzip', 'br']), [['content-encoding', 'gzip, br']]);
  assert.deepEqual(encodingOf('exi'), [['content-encoding', 'exi']], 'the responder may know it');

  for (const none of ['identity', '', ['identity', '']]) assert.deepEqual(encodingOf(none), []);
  assert.deepEqual(encodingOf('gzip', { exclude: ['content_encoding'] }), [], 'excluded like any other');
  assert.deepEqual(encodingOf('gzip', {}, {}), [], 'the value was decoded');
  assert.deepEqual(encodingOf('gzip', {}, undefined, ''), [], 'nothing to read');
});
