import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openFileLimit } from '../../common/open-file-limit';
import { HttpListener } from '../../listener/http-listener';
import { answerJson, type HttpRoute } from '../../listener/http-route';
import { FakeClock } from '../support/fake-clock';
import { captureLog } from '../pluginserver/support/serving';

const HOST = '127.0.0.1';
const route = (prefix: string): HttpRoute => ({
  prefix,
  handle: (_, response, rest) => answerJson(response, 200, { prefix, rest }),
});

async function listener(t: TestContext, routes: readonly HttpRoute[], port = 0, clock = new FakeClock()) {
  const logged = captureLog(t);
  const http = new HttpListener({ address: { host: HOST, port }, routes, clock });
  t.after(() => http.serve(false));
  await http.serve(true);
  return { http, clock, logged, url: `http://${HOST}:${http.boundPort}` };
}

test('a room gets what is below its prefix, as it was sent; all else is 404', async (t) => {
  const { url } = await listener(t, [route('/log/'), route('/other/')]);
  assert.deepEqual(await (await fetch(`${url}/log/a%2Fb?x=1`)).json(), { prefix: '/log/', rest: 'a%2Fb' });
  assert.deepEqual(await (await fetch(`${url}/other/`)).json(), { prefix: '/other/', rest: '' });
  for (const path of ['/', '/log', '/logs/x', '/status']) assert.equal((await fetch(url + path)).status, 404);
});

test('a room that fails answers 500, and the next request is served', async (t) => {
  const bad: HttpRoute = {
    prefix: '/bad/',
    handle: () => {
      throw new Error('a bug');
    },
  };
  const { url } = await listener(t, [bad, route('/log/')]);
  assert.equal((await fetch(`${url}/bad/`)).status, 500);
  assert.equal((await fetch(`${url}/log/`)).status, 200);
});

/** nginx gives the client Kong's own error for it, and Kong's HTTP Log plugin keeps its entries. */
test('what comes on more connections than it takes is answered 503, until there are fewer', async (t) => {
  const { http, url, logged } = await listener(t, [route('/log/')]);
  const connections: Socket[] = [];
  t.after(() => connections.forEach((socket) => socket.destroy()));
  for (let count = 0; count < 512; count++) {
    const socket = connect(http.boundPort!, HOST);
    connections.push(socket);
    // Served once, and kept by its client.
    socket.write('GET /log/x HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
  }
  for (let count = 0; count < 2; count++) {
    const refused = await fetch(`${url}/log/x`, { method: 'POST', body: 'x'.repeat(100_000) });
    assert.deepEqual([refused.status, refused.headers.get('connection'), refused.headers.get('retry-after')], [503, 'close', '1']);
  }
  assert.deepEqual(logged.filter(({ level }) => level === 'warn').map(({ event, most }) => [event, most]), [['http_listener_full', 512]]);
  connections.pop()!.destroy();
  while ((await fetch(`${url}/log/x`)).status === 503) await new Promise((resolve) => setImmediate(resolve));
}); // prettier-ignore

/** Of a burst all connections are there before the first request is read; 1,024 were taken then, and the others cut. */
test('each of a burst has an answer: as many as there is room for are served, all others get 503', async (t) => {
  const { http, url } = await listener(t, [route('/log/')]);
  const burst = await connections(t, http.boundPort!, 1500);
  const statuses = await Promise.all(burst.map((socket) => statusOf(socket, '/log/x')));
  assert.deepEqual(counted(statuses), { 200: 512, 503: 988 });
  burst.forEach((socket) => socket.destroy());
  while ((await fetch(`${url}/log/x`)).status === 503) await new Promise((resolve) => setImmediate(resolve));
});

test('connections that say nothing have a bound of their own, and above it they are cut', async (t) => {
  const { http } = await listener(t, [route('/log/')]);
  const most = Math.max(512, Math.min(4096, Math.floor(openFileLimit() / 4)));
  if (openFileLimit() < 2 * most + 1000) return t.skip('this process may not open so many files');
  const served = await connections(t, http.boundPort!, 1);
  assert.equal(await statusOf(served[0]!, '/log/'), 200);
  const silent = await connections(t, http.boundPort!, most);
  const [cut] = await connections(t, http.boundPort!, 1);
  if (!cut!.closed) await once(cut!, 'close');
  assert.ok(silent.every(({ closed }) => !closed));
  assert.equal(await statusOf(served[0]!, '/log/'), 200, 'what is served goes on');
});

/**
 * Node never tells the end of an answer that waits for the one before it when its connection ends: what was counted of it stayed
 * counted, and made room for silent connections beyond their bound; a stream would have kept its client.
 */
test('a request behind one that has no answer yet is not begun, and its connection is cut', async (t) => {
  const begun: string[] = [];
  const onBegun: (() => void)[] = [];
  const long: HttpRoute = {
    prefix: '/long/',
    isLong: true,
    handle: (_, __, rest) => {
      begun.push(rest);
      if (begun.length > 1) onBegun.pop()?.();
    },
  };
  const { http, url } = await listener(t, [long, route('/log/')]);
  const [socket] = await connections(t, http.boundPort!, 1);
  const over = new Promise<void>((resolve) => {
    socket!.once('close', () => resolve());
    onBegun.push(resolve);
  });
  socket!.write(['1', '2'].map((name) => `GET /long/${name} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  await over;
  assert.deepEqual(begun, ['1']);
  if (!socket!.closed) await once(socket!, 'close');
  assert.equal((await fetch(`${url}/log/`)).status, 200);
});

/** Of such a connection node times nothing any more: some thousands of them, and no other was taken. */
test('a connection that is refused another protocol is over, also where its client does not end it', async (t) => {
  const { http } = await listener(t, [route('/log/')]);
  const socket = connect({ port: http.boundPort!, host: HOST, allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write('GET /log/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 404/);
  await once(socket, 'end');
  // Nobody is there any more to take it.
  let isOver = false;
  socket.once('close', () => (isOver = true));
  for (let turns = 0; !isOver && turns < 500; turns++) {
    socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(isOver, 'it is still open');
});

/** All of them are accepted when this resolves: they come by fewer at once than wait in the kernel. */
async function connections(t: TestContext, port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  while (sockets.length < count) {
    const more = Array.from({ length: Math.min(100, count - sockets.length) }, () => connect(port, HOST));
    for (const socket of more) socket.on('error', () => undefined);
    sockets.push(...more);
    await Promise.all(more.map((socket) => once(socket, 'connect')));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sockets;
}

/** @returns 0: it was cut */
function statusOf(socket: Socket, path: string): Promise<number> {
  return new Promise((resolve) => {
    socket.once('data', (answer) => resolve(Number(String(answer).split(' ')[1])));
    if (socket.closed) resolve(0);
    socket.once('close', () => resolve(0));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
}

function counted(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

test('a port that another process has is tried again until it is free', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, HOST, resolve));
  const { port } = other.address() as AddressInfo;
  const { http, clock, logged } = await listener(t, [route('/log/')], port);
  assert.equal(http.boundPort, undefined);
  assert.equal(logged.filter(({ level }) => level === 'warn').length, 1);
  await new Promise((resolve) => other.close(resolve));
  clock.advance(500);
  for (let turns = 0; http.boundPort === undefined && turns < 1000; turns++)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(http.boundPort, port);
});

test('it gives the port up and takes it again', async (t) => {
  const { http, url } = await listener(t, [route('/log/')]);
  await fetch(`${url}/log/`);
  await http.serve(false);
  await assert.rejects(fetch(`${url}/log/`));
  await http.serve(true);
  assert.equal((await fetch(`http://${HOST}:${http.boundPort}/log/`)).status, 200);
});

/** @returns the status, or what the connection failed with */
function askSocket(socketPath: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const sent = httpRequest({ socketPath, path: '/log/', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    sent.end();
  });
}

function socketIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-listener-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'http.sock');
}

test('a Unix socket is for its owner and group, goes over to a successor without a gap, and away at the end', async (t) => {
  captureLog(t);
  const path = socketIn(t);
  const [old, successor] = [0, 1].map(
    () => new HttpListener({ address: { path }, routes: [route('/log/')], clock: new FakeClock() }),
  ) as [HttpListener, HttpListener];
  assert.equal(old.isPort, false);
  await old.serve(true);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  let running = true;
  const asked = (async () => {
    const statuses = new Set<number | string | undefined>();
    while (running) statuses.add(await askSocket(path));
    return [...statuses];
  })();
  await successor.serve(true);
  // What has come to the old one by then is answered there.
  assert.equal(await askSocket(path), 200);
  await old.serve(false);
  assert.equal(await askSocket(path), 200);
  running = false;
  assert.deepEqual(await asked, [200]);
  await successor.serve(false);
  assert.equal(await askSocket(path), 'ENOENT');
});

test('a socket whose name is gone is made again', async (t) => {
  captureLog(t);
  const path = socketIn(t);
  const http = new HttpListener({ address: { path }, routes: [route('/log/')], clock: new FakeClock() });
  t.after(() => http.serve(false));
  await http.serve(true);
  rmSync(path);
  await http.serve(true);
  assert.equal(await askSocket(path), 200);
});

test('a folder that is not there yet is tried again, and told once', async (t) => {
  const logged = captureLog(t);
  const path = join(socketIn(t), 'deeper');
  const clock = new FakeClock();
  const http = new HttpListener({ address: { path }, routes: [route('/log/')], clock });
  t.after(() => http.serve(false));
  await http.serve(true);
  const tried = async (): Promise<void> => {
    clock.advance(500);
    for (let turns = 0; clock.pendingTimers === 0 && turns < 100; turns++)
      await new Promise((resolve) => setImmediate(resolve));
  };
  await tried();
  assert.equal(logged.filter(({ level }) => level === 'warn').length, 1);
  mkdirSync(dirname(path));
  await tried();
  assert.equal(await askSocket(path), 200);
});

/** A thousand streams would leave no room for the entries of log plugins, which share the port with them. */
test('answers that take their time are not counted among the connections of requests', async (t) => {
  const held: ServerResponse[] = [];
  const long: HttpRoute = {
    prefix: '/long/',
    isLong: true,
    handle: (_, response) => {
      held.push(response);
      response.writeHead(200);
      response.write('begin');
    },
  };
  const { http, url } = await listener(t, [long, route('/log/')]);
  const burst = await connections(t, http.boundPort!, 1500);
  // Of those, 512 had a request before: Kong uses a connection for either.
  const plain = await Promise.all(burst.slice(0, 512).map((socket) => statusOf(socket, '/log/')));
  assert.deepEqual(counted(plain), { 200: 512 });
  const statuses = await Promise.all(burst.map((socket) => statusOf(socket, '/long/')));
  assert.deepEqual(counted(statuses), { 200: 1500 });
  assert.equal((await fetch(`${url}/log/`)).status, 200);
  // Ended, and the connection is kept: it counts as what comes on it next.
  const [first] = burst as [Socket];
  const ended = once(first, 'data');
  held.find(({ req }) => req.socket.remotePort === first.localPort)!.end();
  await ended;
  assert.equal(await statusOf(first, '/log/'), 200);
  for (const response of held) response.destroy();
});

test('an upgrade that no room takes is 404', async (t) => {
  const { http } = await listener(t, [route('/log/')]);
  for (const path of ['/log/', '/stream/']) {
    const client = connect(http.boundPort!, HOST);
    client.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
    const [answer] = (await once(client, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 404 /);
    await once(client, 'close');
  }
});
