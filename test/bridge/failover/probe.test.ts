import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { isReachable, placesOf } from '../../../bridge/failover/probe';
import { freePorts } from '../../../dev/kafka/ports';

const LIMIT = { path: undefined, timeoutMs: 500 };

function listening(t: TestContext, server: Server): Promise<number> {
  t.after(() => server.close());
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
}

test('the places are that of the service, and those that nginx has tried', () => {
  const places = (backendUrl: string | undefined, upstreamAddresses?: string) =>
    placesOf({ backendUrl, upstreamAddresses }).map(({ host, port }) => `${host} ${port}`);
  assert.deepEqual(places('http://orders:8080/base', '10.0.0.1:80, 10.0.0.2:81 : 10.0.0.1:80'), [
    'orders 8080', '10.0.0.1 80', '10.0.0.2 81',
  ]); // prettier-ignore
  assert.deepEqual(places('https://orders', '[::1]:443'), ['orders 443', '::1 443']);
  assert.deepEqual(places('http://[fd00::1]:81'), ['fd00::1 81']);
  // The name of a group of nginx, a socket, nonsense.
  assert.deepEqual(places(undefined, 'kong_upstream, unix:/tmp/x, 10.0.0.1:0, 1.2.3.4:99999'), []);
  assert.deepEqual(places('no url'), []);
  const many = Array.from({ length: 50 }, (_, number) => `10.0.0.${number}:80`).join(', ');
  assert.equal(placesOf({ backendUrl: 'http://x', upstreamAddresses: many }).length, 8);
});

test('somebody takes a connection at one of the places', async (t) => {
  const port = await listening(
    t,
    createTcpServer((socket) => socket.destroy()),
  );
  const [nobody] = await freePorts(1);
  const there = { backendUrl: `http://127.0.0.1:${nobody}`, upstreamAddresses: `127.0.0.1:${port}` };
  assert.equal(await isReachable(there, LIMIT), true);
  assert.equal(await isReachable({ ...there, upstreamAddresses: undefined }, LIMIT), false);
  assert.equal(await isReachable({ backendUrl: undefined, upstreamAddresses: undefined }, LIMIT), false);
});

test('a name that is none of DNS is no place, as that of an Upstream entity of Kong', async (t) => {
  const port = await listening(
    t,
    createTcpServer((socket) => socket.destroy()),
  );
  const target = { backendUrl: 'http://orders.invalid', upstreamAddresses: `127.0.0.1:${port}` };
  assert.equal(await isReachable(target, LIMIT), true);
  assert.equal(await isReachable({ ...target, upstreamAddresses: undefined }, LIMIT), false);
});

test('with a path it must answer, and not with 5xx', async (t) => {
  const seen: unknown[] = [];
  const port = await listening(
    t,
    createServer((request, response) => {
      seen.push([request.method, request.url, request.headers.host]);
      if (request.url === '/silent') return;
      response.writeHead(request.url === '/broken' ? 500 : 404).end();
    }),
  );
  const target = { backendUrl: `http://127.0.0.1:${port}/base`, upstreamAddresses: undefined };
  const ask = (path: string) => isReachable(target, { path, timeoutMs: 300 });
  assert.deepEqual(
    [await ask('/health?x=1'), await ask('/broken'), await ask('/silent')],
    [true, false, false],
  );
  assert.deepEqual(seen[0], ['GET', '/health?x=1', `127.0.0.1:${port}`]);
});
