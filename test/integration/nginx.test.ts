/**
 * kong/failover-location.conf and kong/failover-proxy.conf in a real nginx with Lua, and the real listener behind it.
 * nginx is Debian's, fetched once; where it cannot be had, one line says so and these tests are skipped.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { systemClock } from '../../bridge/clock';
import { Breakers } from '../../bridge/failover/breakers';
import { Captures } from '../../bridge/failover/captures';
import { GatewayError } from '../../bridge/errors';
import { failedRequestValue } from '../../bridge/failover/failed-request';
import { Nginx } from '../../dev/nginx/nginx';
import { freePorts } from '../../dev/kafka/ports';
import { HttpListener } from '../../listener/http-listener';
import { FakeSender } from '../support/fake-sender';
import { ask, type Answer } from '../support/stack';

const READ_TIMEOUT_MS = 400;
const LIMIT_BYTES = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-listener-'));
const kafka = new FakeSender();
const captures = new Captures();
const listener = new HttpListener({
  address: { path: join(folder, 'http.sock') },
  routes: [captures.route],
});
const breakers = new Breakers({
  failures: 1000,
  windowMs: 1000,
  openForMs: 1000,
  probePath: undefined,
  clock: systemClock,
});
const closing: (() => unknown)[] = [];
/** With the includes, and without. */
let withThem: Nginx | undefined;
let without: Nginx | undefined;
let missing = '';
let nobody = '';
let resetting = '';
let fromUpstream: string | undefined;

before(async () => {
  const upstream = createServer((request, response) => {
    request.resume();
    fromUpstream = request.headers['x-kafka-failover-ticket'] as string | undefined;
    if (request.url?.startsWith('/silent')) return;
    request.on('end', () =>
      response.writeHead(request.url?.startsWith('/busy') ? 503 : 200).end('from the upstream'),
    );
  });
  const reset = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.resetAndDestroy());
  });
  const portOf = (server: Server | TcpServer) =>
    new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  const upstreamPort = await portOf(upstream);
  resetting = `127.0.0.1:${await portOf(reset)}`;
  nobody = `127.0.0.1:${(await freePorts(1))[0]}`;
  await listener.serve(true);
  closing.push(
    () => upstream.closeAllConnections(),
    () => upstream.close(),
    () => reset.close(),
    () => listener.serve(false),
    () => rmSync(folder, { recursive: true, force: true }),
    captures.open('key', () => ({
      topic: 'failed-requests',
      statuses: [502, 503, 504],
      methods: ['POST', 'PUT', 'HEAD', 'GET'],
      maxRequestBytes: LIMIT_BYTES,
      answer: { status: 202, message: 'kept', retryAfterSeconds: 0 },
      toValue: failedRequestValue({ includeHeaders: [], excludeHeaders: [] }),
      sender: kafka.sender,
      breakers,
    })).close,
  );
  const options = { upstreamPort, readTimeoutMs: READ_TIMEOUT_MS };
  try {
    withThem = await Nginx.start({ ...options, listenerSocket: join(folder, 'http.sock') });
    without = await Nginx.start({ ...options, listenerSocket: undefined });
  } catch (error) {
    missing = `no nginx here: ${(error as Error).message.split('\n')[0] ?? ''}`;
  }
});

after(async () => {
  await withThem?.stop();
  await without?.stop();
  for (const close of closing) await close();
});

function needed(t: TestContext): { readonly url: string; readonly plainUrl: string } | undefined {
  if (withThem && without) return { url: withThem.url, plainUrl: without.url };
  t.skip(missing);
  return undefined;
}

let count = 0;
const marked = (): { 'x-mark': string } => ({ 'x-mark': captures.ticketFor('key', `r${++count}`) });

/** The value of the one record that has come since the last call. */
function kept(): Record<string, unknown> {
  const [record, ...more] = kafka.records.splice(0);
  assert.ok(record?.value);
  assert.deepEqual(more, []);
  return JSON.parse(record.value.toString()) as Record<string, unknown>;
}

/** But for what differs between any two requests. */
function comparable({ status, headers, body }: Answer) {
  return { status, headers: { ...headers, date: undefined }, body: body.toString() };
}

test('a connection that is refused: the request is kept with all that nginx knows of it', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  const seen = t.mock.method(breakers, 'onFailure');
  const answer = await ask(`${nginx.url}/orders/1?day=%20x`, {
    headers: {
      ...marked(),
      'x-upstream': nobody,
      'content-type': 'application/json',
      'x-kafka-failover-ticket': 'forged',
      'x-kafka-failover-facts': 'forged',
      authorization: 'Bearer planted',
    },
    body: '{"item":"book"}',
  });
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.json, { message: 'kept', id: `r${count}` });
  const { timestamp, headers, ...rest } = kept();
  assert.ok(Number(timestamp) > 1_700_000_000);
  assert.deepEqual(rest, {
    id: `r${count}`,
    attempt: 0,
    method: 'POST',
    uri: '/orders/1?day=%20x',
    path: '/orders/1',
    query_string: 'day=%20x',
    body: '{"item":"book"}',
    remote_addr: '127.0.0.1',
    backend_url: rest.backend_url,
    service: 'orders',
    route: 'by-path',
    consumer: 'alice',
    status: 502,
    delivered: 'no',
    error_reason: 'The upstream could not be reached, or ended the connection (502).',
  });
  assert.match(String(rest.backend_url), /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.doesNotMatch(JSON.stringify(headers), /forged|planted/);
  // What a breaker would look at, to see whether somebody is there again.
  const [service, target, failure] = seen.mock.calls[0]!.arguments;
  assert.deepEqual(
    [service, target],
    ['orders', { backendUrl: rest.backend_url, upstreamAddresses: nobody }],
  );
  assert.deepEqual([failure.requestId, failure.status], [`r${count}`, 502]);
});

test('an upstream that has seen it: silent or gone, the record says that it may have been carried out', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  const cases = [
    ['/silent', {}, 504],
    ['/cut', { 'x-upstream': resetting }, 502],
  ] as const;
  for (const [path, headers, status] of cases) {
    const answer = await ask(nginx.url + path, { headers: { ...marked(), ...headers }, body: 'x' });
    assert.equal(answer.status, 202, path);
    const record = kept();
    assert.deepEqual([record.status, record.delivered, record.body], [status, 'maybe', 'x'], path);
  }
});

test('bodies on disk, in chunks and none at all arrive whole', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  const headers = () => ({ ...marked(), 'x-upstream': nobody });
  const large = Buffer.alloc(800_000, 'x');
  assert.equal((await ask(`${nginx.url}/large`, { headers: headers(), body: large })).status, 202);
  assert.equal(String(kept().body).length, large.length);
  const chunked = await fetch(`${nginx.url}/chunked`, {
    method: 'PUT',
    headers: headers(),
    body: new ReadableStream({
      start: (stream) => {
        for (let part = 0; part < 5; part++) stream.enqueue(Buffer.alloc(30_000, 'y'));
        stream.close();
      },
    }),
    duplex: 'half',
  });
  assert.equal(chunked.status, 202);
  assert.equal(String(kept().body).length, 150_000);
  const head = await fetch(`${nginx.url}/head`, { method: 'HEAD', headers: headers() });
  assert.deepEqual([head.status, await head.text()], [202, '']);
  const { method, body } = kept();
  assert.deepEqual([method, body], ['HEAD', '']);
});

test('headers as large as nginx takes them arrive', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  const headers = { ...marked(), 'x-upstream': nobody, 'x-large': 'v'.repeat(20_000) };
  const answer = await ask(`${nginx.url}/${'p'.repeat(10_000)}`, { headers, body: 'x' });
  assert.equal(answer.status, 202);
  assert.equal(String(kept().uri).length, 10_001);
});

test('answers of the upstream pass, whatever they are, and it sees no ticket', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  for (const [path, status] of [
    ['/orders', 200],
    ['/busy', 503],
  ] as const) {
    const answer = await ask(nginx.url + path, { headers: marked(), body: 'x' });
    assert.deepEqual([answer.status, answer.body.toString()], [status, 'from the upstream']);
    assert.equal(fromUpstream, undefined);
  }
  assert.deepEqual(kafka.records, []);
});

/** Byte for byte what an nginx without the includes sends. */
test('what is not marked, not kept or not failing gets the answer that it has without the includes', async (t) => {
  const nginx = needed(t);
  if (!nginx) return;
  const compared = async (
    what: string,
    path: string,
    { headers = {}, body = 'x' as string | Buffer },
    status: number,
  ) => {
    const mine = await ask(nginx.url + path, { headers, body });
    assert.equal(mine.status, status, what);
    assert.deepEqual(comparable(mine), comparable(await ask(nginx.plainUrl + path, { headers, body })), what);
  };
  const gone = { 'x-upstream': nobody };
  await compared('an unmarked route that fails', '/a', { headers: gone }, 502);
  await compared('an unmarked route that is silent', '/silent', {}, 504);
  await compared('an unmarked route', '/a', {}, 200);
  await compared('a marked one that does not fail', '/a', { headers: marked() }, 200);
  await compared('a ticket of nobody', '/a', { headers: { ...gone, 'x-mark': 'forged' } }, 502);
  await compared(
    'a body that is too large',
    '/a',
    { headers: { ...gone, ...marked() }, body: Buffer.alloc(LIMIT_BYTES + 1) },
    502,
  );
  kafka.failure = new GatewayError('produce_timeout', 'no broker');
  await compared('no Kafka', '/a', { headers: { ...gone, ...marked() } }, 502);
  await compared('no Kafka, and a silent upstream', '/silent', { headers: marked() }, 504);
  kafka.failure = undefined;
  await listener.serve(false);
  await compared('no listener', '/a', { headers: { ...gone, ...marked() } }, 502);
  await compared('no listener, and a silent upstream', '/silent', { headers: marked() }, 504);
  await listener.serve(true);
  assert.deepEqual(kafka.records, []);
  assert.equal((await ask(`${nginx.url}/a`, { headers: { ...gone, ...marked() }, body: 'x' })).status, 202);
  kept();
});
