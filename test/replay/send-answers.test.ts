/** One attempt, against services that answer in ways of their own. */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { KeptRequest } from '../../replay/kept-request';
import { Sending } from '../../replay/send';

const REQUEST: KeptRequest = {
  id: 'r0',
  timestampMs: 0,
  method: 'POST',
  uri: '/orders',
  headers: [],
  body: Buffer.from('x'),
  service: 'orders',
  status: 502,
  mayBeDelivered: false,
};

async function attempt(t: TestContext, answer: (response: ServerResponse) => void, timeoutMs = 300) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sending = new Sending();
  t.after(() => {
    sending.close();
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return sending.send(REQUEST, { baseUrl, headers: [], keepsHost: false, timeoutMs });
}

/** It was carried out, and sent again as often as it may be: the answer did not end in time, or broke off. */
test('a status is the answer, whatever becomes of the body behind it', async (t) => {
  const begun = (response: ServerResponse): void => {
    response.writeHead(201, { 'content-length': '1000' });
    response.write('some of it');
  };
  const expected = { kind: 'answered', status: 201, body: 'some of it' };
  assert.deepEqual(await attempt(t, begun), expected, 'it does not end');
  const cut = await attempt(
    t,
    (response) => {
      begun(response);
      setImmediate(() => response.socket!.end());
    },
    10_000,
  );
  assert.deepEqual(cut, expected, 'it breaks off');
});

test('without a status nobody knows what became of it', async (t) => {
  const silent = await attempt(t, () => undefined, 50);
  assert.deepEqual(silent, { kind: 'failed', reason: 'no answer in 50 ms' });
  const cut = await attempt(t, (response) => response.socket!.destroy());
  assert.equal(cut.kind, 'failed');
});

test('of a long answer the beginning is kept', async (t) => {
  const answered = await attempt(t, (response) => response.end('x'.repeat(100_000)), 5000);
  assert.deepEqual(answered, { kind: 'answered', status: 200, body: 'x'.repeat(4096) });
});
