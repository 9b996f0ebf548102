import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { KeptRequest } from '../../replay/kept-request';
import { Sending, type Target } from '../../replay/send';

const REQUEST: KeptRequest = {
  id: 'r1',
  timestampMs: 0,
  method: 'POST',
  uri: '/orders',
  headers: [
    ['host', 'api.shop.example'],
    ['x-tenant', 'a'],
  ],
  body: Buffer.from('{}'),
  service: 'orders',
  status: 502,
  mayBeDelivered: false,
};

/** What a target gets. */
async function sentTo(
  t: TestContext,
  target: Partial<Target>,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly own: string }> {
  let headers: IncomingHttpHeaders = {};
  const server = createServer((request, response) => {
    headers = request.headers;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sending = new Sending();
  t.after(() => {
    sending.close();
    server.close();
  });
  const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const attempt = await sending.send(REQUEST, {
    baseUrl: new URL(`http://${own}`),
    headers: [],
    keepsHost: false,
    timeoutMs: 5000,
    ...target,
  });
  assert.deepEqual(attempt, { kind: 'answered', status: 200, body: '' });
  return { headers, own };
}

test('a service gets its own name as Host, and all else as it was', async (t) => {
  const { headers, own } = await sentTo(t, {});
  assert.deepEqual([headers.host, headers['x-tenant'], headers['idempotency-key']], [own, 'a', 'r1']);
});

/** Kong found no route for it and answered 404, by which the request was refused for good. */
test('Kong gets the Host of the client where it finds routes by that', async (t) => {
  const { headers } = await sentTo(t, { keepsHost: true });
  assert.equal(headers.host, 'api.shop.example');
});

test('a Host of the operator replaces both', async (t) => {
  const given = await sentTo(t, { keepsHost: true, headers: [['Host', 'other.example']] });
  assert.equal(given.headers.host, 'other.example');
});
