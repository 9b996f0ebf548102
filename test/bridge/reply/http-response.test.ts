import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpResponse } from '../../../bridge/reply/http-response';
import { receivedRecord } from '../../support/records';

const OPTIONS = { statusHeaders: [':status', 'status', 'x-status-code', 'http-status'], maxReplyBytes: 100 };

function respond(given: Parameters<typeof receivedRecord>[0], method = 'GET') {
  return httpResponse(receivedRecord(given), OPTIONS, method);
}

test('a plain reply is 200 with its bytes', () => {
  const body = Buffer.from([0, 255, 34, 39, 10]);
  const answer = respond({ value: body });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, body);
  assert.equal(answer.headers['content-type'], 'application/octet-stream');
});

test('the media type is the one the reply names; without one, JSON is called JSON', () => {
  assert.equal(
    respond({ value: 'x', headers: { 'content-type': 'text/csv' } }).headers['content-type'],
    'text/csv',
  );
  assert.equal(respond({ value: '{"a":1}' }).headers['content-type'], 'application/json');
  assert.equal(respond({ value: '[1]' }).headers['content-type'], 'application/json');
});

test('the first usable status header wins', () => {
  assert.equal(respond({ headers: { 'http-status': '404', ':status': '201' } }).status, 201);
  assert.equal(respond({ headers: { status: 'shipped', 'x-status-code': '202' } }).status, 202);
});

for (const status of ['100', '0', '600', '200 OK', '1e3', '', ' 200', '-200', '2000', '²00']) {
  test(`status ${JSON.stringify(status)} is an invalid reply`, () => {
    assert.throws(() => respond({ headers: { ':status': status } }), { code: 'reply_invalid', status: 502 });
  });
}

test('a null value is 204 without a body', () => {
  const answer = respond({ value: null });
  assert.equal(answer.status, 204);
  assert.equal(answer.body.length, 0);
});

test('204, 304 and HEAD carry no body', () => {
  assert.equal(respond({ value: 'x', headers: { ':status': '204' } }).body.length, 0);
  assert.equal(respond({ value: 'x', headers: { ':status': '304' } }).body.length, 0);
  const head = respond({ value: 'x' }, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
});

test('a reply over the limit is refused, one at the limit passes', () => {
  assert.equal(respond({ value: 'x'.repeat(100) }).status, 200);
  assert.throws(() => respond({ value: 'x'.repeat(101) }), { code: 'reply_too_large', status: 502 });
});

test('an error mark without a body becomes our error, with the status the reply names', () => {
  const nest = { value: null, headers: { 'kafka_nest-err': 'no such order' } };
  assert.throws(() => respond(nest), { code: 'responder_error', status: 502, detail: 'no such order' });
  assert.throws(() => respond({ ...nest, headers: { ...nest.headers, ':status': '404' } }), {
    code: 'responder_error',
    status: 404,
  });
});

test('an error mark with a body passes the body on', () => {
  const answer = respond({ value: '{"why":"sold out"}', headers: { REPLY_ERROR: 'x', ':status': '422' } });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.toString(), '{"why":"sold out"}');
});

test('only the media type and x- headers reach the client', () => {
  const { headers } = respond({
    value: 'x',
    headers: {
      'X-Order': '7',
      x_under_score: 'yes',
      'content-length': '3',
      'transfer-encoding': 'chunked',
      connection: 'close',
      'set-cookie': 'a=b',
      'x-kong-request-id': 'forged',
      x_kong_proxy_latency: 'forged',
      server: 'me',
      kafka_correlationId: 'secret',
      location: '/elsewhere',
    },
  });
  assert.deepEqual(
    { ...headers },
    {
      'x-order': '7',
      'x-under-score': 'yes',
      'content-type': 'application/octet-stream',
    },
  );
});

test('a header that named the status is not repeated to the client', () => {
  const answer = respond({ value: '', headers: { 'x-status-code': '202', 'x-other': '1' } });
  assert.equal(answer.status, 202);
  assert.deepEqual(Object.keys(answer.headers), ['x-other']);
});

test('a header that could split the response is dropped', () => {
  const headers = {
    'x-a': 'a\r\nset-cookie: b=c',
    'x-b': 'a\nb',
    'x-c': 'a\0b',
    'x d': 'v',
    'x-é': 'v',
    'x-ok': 'v',
  };
  assert.deepEqual(Object.keys(respond({ headers }).headers), ['x-ok']);
});

test('a header named __proto__ is a name like any other', () => {
  assert.deepEqual(
    Object.keys(
      respond({ headers: JSON.parse('{"__proto__":"x","x-a":"1"}') as Record<string, string> }).headers,
    ),
    ['x-a'],
  );
});

test('too many or too large headers are cut off', () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'v']));
  assert.equal(Object.keys(respond({ headers: many }).headers).length, 64);
  assert.deepEqual(
    { ...respond({ headers: { 'x-big': 'v'.repeat(8193), 'x-ok': 'v' } }).headers },
    { 'x-ok': 'v' },
  );
});
