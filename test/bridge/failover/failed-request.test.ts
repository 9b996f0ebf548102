import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedRequestValue, type FailedRequest } from '../../../bridge/failover/failed-request';

const REQUEST: FailedRequest = {
  id: 'r1',
  uri: '/orders?day=1&x=?',
  remoteAddress: '10.0.0.1',
  backendUrl: 'http://orders:80',
  service: 'orders',
  route: 'by-path',
  consumer: undefined,
  status: 504,
  mayBeDelivered: true,
  method: 'POST',
  rawHeaders: [],
  body: Buffer.from(''),
};

function valueOf(
  given: Partial<FailedRequest>,
  options: { includeHeaders?: string[]; excludeHeaders?: string[] } = {},
): Record<string, unknown> {
  const value = failedRequestValue({ includeHeaders: [], excludeHeaders: [], ...options });
  return JSON.parse(value({ ...REQUEST, ...given }, 1_700_000_000_123)) as Record<string, unknown>;
}

test('the record is the request, and what nginx and Kong know of its failure', () => {
  assert.deepEqual(valueOf({ rawHeaders: ['Content-Type', 'text/plain'], body: Buffer.from('x') }), {
    id: 'r1',
    timestamp: 1_700_000_000.123,
    attempt: 0,
    method: 'POST',
    uri: '/orders?day=1&x=?',
    path: '/orders',
    query_string: 'day=1&x=?',
    headers: { 'content-type': 'text/plain' },
    body: 'x',
    remote_addr: '10.0.0.1',
    backend_url: 'http://orders:80',
    service: 'orders',
    route: 'by-path',
    status: 504,
    delivered: 'maybe',
    error_reason: 'The upstream did not answer in time (504).',
  });
  assert.equal(valueOf({ mayBeDelivered: false }).delivered, 'no');
});

const HEADERS = [
  'Authorization', 'Bearer planted', 'Proxy-Authorization', 'Basic planted', 'Cookie', 'a=planted', 'X-API-Key', 'planted',
  'apikey', 'planted', 'X-Consumer-Token', 'planted', 'X-Kafka-Failover-Ticket', 'planted', 'X_Kafka_Failover_Facts', 'planted',
  'Connection', 'close', 'Transfer-Encoding', 'chunked', 'Content-Length', '1', 'X-Tenant', 'a', 'X-Tags', 'a', 'x-tags', 'b',
  'X-City', 'K\xc3\xb6ln', 'X-Latin', 'K\xf6ln', '__proto__', 'x',
]; // prettier-ignore

test('headers are kept in order and as text; credentials and those of the connection are not', () => {
  const value = JSON.stringify(valueOf({ rawHeaders: HEADERS }).headers);
  assert.equal(value, '{"x-tenant":"a","x-tags":["a","b"],"x-city":"Köln","x-latin":"Köln","__proto__":"x"}');
});

test('a credential is kept where it is named, and what is excluded is not', () => {
  const { headers } = valueOf(
    { rawHeaders: HEADERS },
    { includeHeaders: ['Authorization', 'x-kafka-failover-ticket'], excludeHeaders: ['X-Tenant', 'x_tags'] },
  );
  const names = Object.keys(headers as object);
  assert.deepEqual(names.slice(0, 2), ['authorization', 'x-city']);
});

test('a body that is text stays text, and all bytes of any other are there', () => {
  const bodyOf = (type: string, body: Buffer) => {
    const { body: text, body_base64: base64 } = valueOf({ rawHeaders: ['content-type', type], body });
    return { text, base64 };
  };
  const umlaut = Buffer.from('ü');
  for (const type of ['application/json; charset=utf-8', 'text/xml', 'application/problem+json', ''])
    assert.deepEqual(bodyOf(type, umlaut), { text: 'ü', base64: undefined }, type);
  for (const [type, body] of [
    ['application/json', Buffer.from([0xff])],
    ['image/png', umlaut],
    ['application/octet-stream', Buffer.from('x')],
  ] as const)
    assert.deepEqual(bodyOf(type, body), { text: undefined, base64: body.toString('base64') }, type);
  assert.deepEqual(bodyOf('image/png', Buffer.alloc(0)), { text: '', base64: undefined });
});
