/** Requests whose upstream fails: kept in a real Kafka and told so, or Kong's own error as if nobody had been there. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { after, before, test } from 'node:test';
import { freePorts } from '../../dev/kafka/ports';
import { useKafka } from '../../dev/kafka/use-kafka';
import type { Child } from '../../dev/child-process';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { ask } from '../support/stack';

const kafka = useKafka();
const READ_TIMEOUT_MS = 300;

let server: PluginServerProcess;
let gateway: Child;
let url = '';
let topic = '';
let listenerPort = 0;
let upstream: Server;
let resetting: TcpServer;
const seen: string[] = [];

before(async () => {
  topic = await kafka.topic();
  // Says yes, says 503, or nothing at all.
  upstream = createServer((request, response) => {
    seen.push(request.url ?? '');
    request.resume();
    if (request.url?.startsWith('/silent')) return;
    response.writeHead(request.url?.startsWith('/busy') ? 503 : 200).end('from the upstream');
  });
  // Takes the request and cuts the connection.
  resetting = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.resetAndDestroy());
  });
  const listening = (one: Server | TcpServer) =>
    new Promise<number>((resolve) =>
      one.listen(0, '127.0.0.1', () => resolve((one.address() as AddressInfo).port)),
    );
  const [upstreamPort, resettingPort] = [await listening(upstream), await listening(resetting)];
  const [port = 0, nobody, kafkaAway] = await freePorts(3);
  listenerPort = port;
  const bootstrap_servers = [{ host: '127.0.0.1', port: Number(kafka.bootstrapServers.split(':')[1]) }];
  const service = (name: string, port: number, config: object | undefined) => ({
    name,
    url: `http://127.0.0.1:${port}`,
    read_timeout: READ_TIMEOUT_MS,
    routes: [{ name, paths: [`/${name}`], strip_path: true }],
    plugins: config === undefined ? [] : [{ name: 'custom_kafka_failover', config }],
  });
  const kept = { bootstrap_servers, topic };
  server = await PluginServerProcess.start({ flags: ['--http-listen', `127.0.0.1:${listenerPort}`] });
  const started = await startGatewayProcess(
    server,
    JSON.stringify({
      _format_version: '3.0',
      services: [
        service('up', upstreamPort, kept),
        service('down', nobody!, { ...kept, max_request_bytes: 300_000 }),
        service('reset', resettingPort, { ...kept, headers: { include_headers: ['authorization'] } }),
        service('unmarked', nobody!, undefined),
        service('only-504', nobody!, { ...kept, statuses: [504] }),
        service('no-kafka', nobody!, {
          ...kept,
          bootstrap_servers: [{ host: '127.0.0.1', port: kafkaAway }],
        }),
      ],
    }),
    0,
    ['--failover-listener', `127.0.0.1:${listenerPort}`],
  );
  ({ child: gateway, url } = started);
});

after(async () => {
  await gateway.stop();
  await server.stop();
  upstream.closeAllConnections();
  upstream.close();
  resetting.close();
});

interface Kept {
  readonly id: string;
  readonly [member: string]: unknown;
}

let read = 0;
/** The records that have come since the last call. */
async function kept(count: number): Promise<Kept[]> {
  const records = await readAll(kafka.connection, topic, read + count);
  const fresh = records.slice(read);
  read += count;
  return fresh.map(({ value }) => JSON.parse(value!.toString()) as Kept);
}

test('an upstream that answers has the request for itself, whatever it answers', async () => {
  for (const [path, status] of [
    ['/up/orders', 200],
    ['/up/busy', 503],
  ] as const) {
    const answer = await ask(url + path, { body: '{"item":"book"}' });
    assert.deepEqual([answer.status, answer.body.toString()], [status, 'from the upstream']);
  }
  await kept(0);
});

test('one that cannot be reached: the request is kept with all it was, and its client is told', async () => {
  const answer = await ask(`${url}/down/orders?day=1`, {
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer planted-secret',
      'x-tenant': 'a',
      'x-kafka-failover-ticket': 'forged',
    },
    body: '{"item":"book"}',
  });
  assert.equal(answer.status, 202, answer.body.toString());
  const [record] = (await kept(1)) as [Kept];
  assert.deepEqual(answer.json, {
    message: 'The request was accepted and will be carried out later.',
    id: record.id,
  });
  const { timestamp, headers, backend_url, ...rest } = record;
  assert.ok(Math.abs(Number(timestamp) * 1000 - Date.now()) < 60_000);
  assert.match(String(backend_url), /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(rest, {
    id: record.id,
    attempt: 0,
    method: 'POST',
    uri: '/down/orders?day=1',
    path: '/down/orders',
    query_string: 'day=1',
    body: '{"item":"book"}',
    remote_addr: '127.0.0.1',
    service: 'down',
    route: 'down',
    status: 502,
    delivered: 'no',
    error_reason: 'The upstream could not be reached, or ended the connection (502).',
  });
  const names = Object.keys(headers as object);
  assert.ok(names.includes('x-tenant'));
  assert.ok(!names.some((name) => name === 'authorization' || name.startsWith('x-kafka-failover')));
  assert.doesNotMatch(JSON.stringify(record), /planted-secret/);
});

test('what may have been carried out says so, and credentials are kept where they are named', async () => {
  const reset = await ask(`${url}/reset/pay`, { headers: { authorization: 'Bearer kept' }, body: 'x' });
  assert.equal(reset.status, 202);
  const silent = await ask(`${url}/up/silent`, { method: 'PUT', body: Buffer.from([0xff, 0x00]) });
  assert.equal(silent.status, 202);
  const [first, second] = (await kept(2)) as [Kept, Kept];
  assert.deepEqual([first.delivered, first.status], ['maybe', 502]);
  assert.equal((first.headers as Record<string, string>).authorization, 'Bearer kept');
  assert.deepEqual([second.delivered, second.status, second.method], ['maybe', 504, 'PUT']);
  assert.deepEqual([second.body, second.body_base64], [undefined, '/wA=']);
});

test('bodies of any size and transfer arrive whole', async () => {
  const large = Buffer.alloc(250_000, 'x');
  assert.equal((await ask(`${url}/down/large`, { body: large })).status, 202);
  const chunked = await fetch(`${url}/down/chunked`, {
    method: 'POST',
    body: new ReadableStream({
      start: (stream) => {
        for (let part = 0; part < 3; part++) stream.enqueue(Buffer.alloc(40_000, 'y'));
        stream.close();
      },
    }),
    duplex: 'half',
  });
  assert.equal(chunked.status, 202);
  assert.equal((await ask(`${url}/down/empty`, { method: 'DELETE' })).status, 202);
  const lengths = (await kept(3)).map(({ body }) => String(body).length);
  assert.deepEqual(lengths, [250_000, 120_000, 0]);
});

/** A body that was not kept is never pretended. */
test('what is not kept gets the error that Kong has without the plugin', async () => {
  const plain = await ask(`${url}/unmarked/x`);
  const cases = [
    ['another status than configured', await ask(`${url}/only-504/x`)],
    ['a method that a client can repeat itself', await ask(`${url}/down/x`, { method: 'GET' })],
    ['too large a body', await ask(`${url}/down/x`, { body: Buffer.alloc(300_001) })],
    [
      'one that is carried out later',
      await ask(`${url}/down/x`, { headers: { 'x-kafka-failover-replayed': '1' } }),
    ],
    ['no Kafka', await ask(`${url}/no-kafka/x`, { body: 'x' })],
  ] as const;
  const withoutId = ({ json, status }: typeof plain) => ({ status, message: json.message });
  for (const [what, answer] of cases) assert.deepEqual(withoutId(answer), withoutId(plain), what);
  await kept(0);
  const { plugins } = (await server.status()) as {
    plugins: { custom_kafka_failover: { process: { kept: number; not_kept: Record<string, number> } } };
  };
  const { process: status } = plugins.custom_kafka_failover;
  assert.equal(status.kept, read);
  assert.deepEqual(status.not_kept, {
    no_ticket: 0,
    replayed: 1,
    status: 1,
    method: 1,
    too_large: 1,
    no_memory: 0,
    gone: 0,
    not_delivered: 1,
  });
});

test('nobody else gets in: without a ticket of this process the listener keeps nothing', async () => {
  const facts = Buffer.from(JSON.stringify({ uri: '/x', status: 502 })).toString('base64');
  for (const ticket of ['', 'forged', `${'a'.repeat(22)}.abc.${'b'.repeat(22)}.r1`]) {
    const answer = await ask(`http://127.0.0.1:${listenerPort}/failover/`, {
      headers: { 'x-kafka-failover-ticket': ticket, 'x-kafka-failover-facts': facts },
      body: 'x',
    });
    assert.deepEqual([answer.status, answer.body.length], [502, 0]);
  }
  await kept(0);
});
