/** The stand-in passes upgrades on as Kong does: seen with a WebSocket through Kong 3.9.3. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { startGateway } from '../../../dev/gateway/gateway';

async function behindGateway(t: TestContext) {
  const seen: IncomingMessage[] = [];
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const upstream = createServer((_, response) => response.writeHead(404).end('no upgrade'));
  upstream.on('upgrade', (request, socket, head) => {
    seen.push(request);
    if (request.url !== '/echo') {
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('message', (data, isBinary) => client.send(data as Buffer, { binary: isBinary }));
    });
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      services: [
        {
          name: 'echo',
          url: `http://127.0.0.1:${port}`,
          routes: [{ name: 'all', paths: ['/'], strip_path: false }],
        },
      ],
    },
  });
  t.after(async () => {
    await gateway.close();
    upstream.closeAllConnections();
    upstream.close();
  });
  return { url: gateway.url.replace('http', 'ws'), seen, sockets };
}

test('bytes go both ways, and the upstream sees an upgrade', async (t) => {
  const { url, seen } = await behindGateway(t);
  const client = new WebSocket(`${url}/echo`, { headers: { 'x-own': 'yes' } });
  await once(client, 'open');
  const large = Buffer.alloc(200_000, 'x');
  client.send(large);
  const [data] = (await once(client, 'message')) as [Buffer];
  assert.ok(data.equals(large));
  const { headers } = seen[0]!;
  assert.deepEqual([headers.upgrade, headers.connection, headers['x-own']], ['websocket', 'upgrade', 'yes']);
  assert.ok(headers['x-kong-request-id']);
  client.close(1000, 'done');
  const [code, reason] = (await once(client, 'close')) as [number, Buffer];
  assert.deepEqual([code, reason.toString()], [1000, 'done']);
});

test('an upstream that does not agree is an answer', async (t) => {
  const { url } = await behindGateway(t);
  const client = new WebSocket(`${url}/other`);
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
  assert.equal(response.statusCode, 404);
  response.resume();
  client.on('error', () => undefined);
  client.terminate();
});

test('a client that leaves closes the side of the upstream', async (t) => {
  const { url, sockets } = await behindGateway(t);
  const handled = sockets.handleUpgrade.bind(sockets);
  let closed: Promise<unknown> | undefined;
  sockets.handleUpgrade = (request, socket, head, callback) => {
    closed = once(socket, 'close');
    handled(request, socket, head, callback);
  };
  const client = new WebSocket(`${url}/echo`);
  await once(client, 'open');
  client.terminate();
  await closed;
});
