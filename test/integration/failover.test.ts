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
/** Nobody listens there until a test does. */
let backAgainPort = 0;
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
  const [port = 0, nobody, kafkaAway, comesBack = 0] = await freePorts(4);
  backAgainPort = comesBack;
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
        service('comes-back', comesBack, { ...kept, breaker: { failures: 2, open_for: 1 } }),
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

/** The plugin server learns of failures from nginx, and of their end from a connection of its own and one request. */
test('a service that keeps failing is not tried any more, until it is back', async () => {
  const carriedOut: string[] = [];
  const back = createServer((request, response) => {
    carriedOut.push(request.url ?? '');
    request.resume();
    response.end('back');
  });
  const send = (path: string, method = 'POST') =>
    ask(`${url}/comes-back/${path}`, { method, ...(method === 'POST' && { body: 'x' }) });
  const breakers = async () => {
    const { plugins } = (await server.status()) as {
      plugins: { custom_kafka_failover: { process: { open_breakers: string[]; kept_at_once: number } } };
    };
    return plugins.custom_kafka_failover.process;
  };
  for (const path of ['1', '2', '3', '4']) assert.equal((await send(path)).status, 202);
  assert.deepEqual((await breakers()).open_breakers, ['comes-back']);
  assert.equal((await breakers()).kept_at_once, 2);
  // What is not kept has its chance with the upstream.
  assert.equal((await send('get', 'GET')).status, 502);
  const records = await kept(4);
  const reasons = records.map(({ error_reason }) => String(error_reason).slice(0, 26));
  assert.deepEqual(reasons.slice(0, 2), Array(2).fill('The upstream could not be '));
  assert.deepEqual(reasons.slice(2), Array(2).fill('The service failed too oft'));
  const [first, , third] = records;
  for (const name of [
    'service',
    'route',
    'backend_url',
    'remote_addr',
    'method',
    'body',
    'status',
    'delivered',
    'attempt',
  ])
    assert.deepEqual(third?.[name], first?.[name], name);
  assert.deepEqual(third?.uri, '/comes-back/3');

  await new Promise<void>((resolve) => back.listen(backAgainPort, '127.0.0.1', resolve));
  let answered = 0;
  let sent = 0;
  try {
    // Each is either kept or carried out. The time is that of the plugin server: a second until it looks, one for the try.
    while ((await breakers()).open_breakers.length > 0 || answered === 0) {
      const { status } = await send(`again-${sent++}`);
      assert.ok(status === 200 || status === 202, String(status));
      if (status === 200) answered++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await send('after')).status, 200);
    await kept(sent - answered);
    assert.equal(carriedOut.length, answered + 1);
  } finally {
    back.closeAllConnections();
    back.close();
  }
});

/** Kong before 3.6, and wherever nginx cannot be told anything. */
test('without the includes the log phase finds what failed, and its clients have had the error', async () => {
  const own = await kafka.topic();
  const config = {
    bootstrap_servers: [{ host: '127.0.0.1', port: Number(kafka.bootstrapServers.split(':')[1]) }],
    topic: own,
    capture: 'log',
    max_request_bytes: 100,
  };
  const [nobody] = await freePorts(1);
  const service = (name: string, port: number) => ({
    name,
    url: `http://127.0.0.1:${port}`,
    routes: [{ name, paths: [`/${name}`] }],
    plugins: [{ name: 'custom_kafka_failover', config }],
  });
  const plugins = server.plugins.map((plugin) => ({
    ...plugin,
    dumpPath:
      plugin.name === 'custom_kafka_failover'
        ? plugin.dumpPath.replace('.json', '.with-log.json')
        : plugin.dumpPath,
  }));
  const started = await startGatewayProcess(
    { folder: server.folder, plugins },
    JSON.stringify({
      _format_version: '3.0',
      services: [service('log-up', (upstream.address() as AddressInfo).port), service('log-down', nobody!)],
    }),
    0,
    ['--failover-listener', `127.0.0.1:${nobody}`],
  );
  try {
    const statuses = [];
    for (const [path, body] of [
      ['log-up', 'fine'],
      ['log-up/busy', 'its own 503'],
      ['log-down', 'x'],
      ['log-down', 'y'.repeat(101)],
    ] as const)
      statuses.push((await ask(`${started.url}/${path}`, { body })).status);
    assert.deepEqual(statuses, [200, 503, 502, 502]);
    const records = (await readAll(kafka.connection, own, 2)).map(
      ({ value }) => JSON.parse(value!.toString()) as Kept,
    );
    assert.deepEqual(
      records.map(({ body, body_omitted, service, status }) => ({ body, body_omitted, service, status })),
      [
        { body: 'x', body_omitted: undefined, service: 'log-down', status: 502 },
        { body: undefined, body_omitted: 'too_large', service: 'log-down', status: 502 },
      ],
    );
    const { plugins: served } = (await server.status()) as {
      plugins: { custom_kafka_failover: { process: { waiting_for_log: number; kept_by_log: number } } };
    };
    assert.deepEqual(
      [
        served.custom_kafka_failover.process.waiting_for_log,
        served.custom_kafka_failover.process.kept_by_log,
      ],
      [0, 2],
    );
  } finally {
    await started.child.stop();
  }
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
