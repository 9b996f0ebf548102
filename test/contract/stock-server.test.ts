/**
 * The compiled plugins in Kong's own JavaScript server (npm kong-pdk, MsgPack:1), each in a process of its own, as
 * Kong's documentation sets them up: they load, describe themselves, and answer.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { PLUGINS as LISTED } from '../../common/plugins';
import { Child } from '../../dev/child-process';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { startGatewayProcess, type ServedPlugins } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { ask, kongYml, type TestRoute } from '../support/stack';

const STOCK_SERVER = join(dirname(require.resolve('kong-pdk/package.json')), 'bin', 'kong-js-pluginserver');
const PLUGINS = join(__dirname, '..', '..', 'plugins');

interface Dumped {
  readonly Name: string;
  readonly Version: string;
  readonly Priority: number;
  readonly Phases: string[];
  readonly Schema: { fields: { config?: { fields: unknown } }[] };
}

const kafka = useKafka();
const cleanUps: (() => Promise<unknown>)[] = [];
let dumped: Dumped[];

/** One process for each plugin, none of which knows of the others. */
class StockServers implements ServedPlugins {
  readonly children: Child[] = [];
  readonly plugins: ServedPlugins['plugins'];

  constructor(readonly folder: string) {
    this.plugins = LISTED.map(({ name }) => ({
      name,
      socketPath: join(folder, `${name}.sock`),
      dumpPath: join(folder, `${name}.json`),
    }));
  }

  async start(): Promise<void> {
    for (const { name, dumpPath } of this.plugins) {
      const plugin = dumped.find((candidate) => candidate.Name === name);
      await writeFile(dumpPath, JSON.stringify({ Protocol: 'MsgPack:1', Plugins: [plugin] }));
      const child = new Child(name, [
        STOCK_SERVER,
        '-d',
        PLUGINS,
        '-p',
        this.folder,
        '--sock-name',
        `${name}.sock`,
      ]);
      this.children.push(child);
    }
    await Promise.all(this.children.map((child) => child.until(/server started/)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

before(() => {
  const output = execFileSync(process.execPath, [STOCK_SERVER, '-d', PLUGINS, '--dump-all-plugins'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  dumped = JSON.parse(output) as Dumped[];
});

after(async () => {
  for (const end of cleanUps.reverse()) await end();
});

async function gateway(routes: readonly TestRoute[]): Promise<{ url: string; servers: StockServers }> {
  const servers = new StockServers(await mkdtemp(join(tmpdir(), 'kong-stock-')));
  cleanUps.push(() => servers.stop());
  await servers.start();
  const { child, url } = await startGatewayProcess(servers, kongYml(kafka.bootstrapServers, routes), 0);
  cleanUps.push(() => child.stop());
  return { url, servers };
}

function serversOf(bootstrapServers: string): { host: string; port: number }[] {
  return bootstrapServers.split(',').map((server) => {
    const [host = '', port] = server.split(':');
    return { host, port: Number(port) };
  });
}

test('the plugins describe themselves to the stock server as in the committed dumps', async () => {
  for (const { name } of LISTED) {
    const plugin = dumped.find((candidate) => candidate.Name === name);
    const committed = await readFile(join(PLUGINS, '..', '..', 'kong', `${name}.json`), 'utf8');
    const { Plugins } = JSON.parse(committed) as { Plugins: Dumped[] };
    const own = Plugins[0]!;
    assert.ok(plugin, `${name} did not load`);
    assert.deepEqual(
      [plugin.Version, plugin.Priority, plugin.Phases],
      [own.Version, own.Priority, own.Phases],
    );
    const configOf = (dump: Dumped) => dump.Schema.fields.find((field) => field.config)?.config?.fields;
    assert.deepEqual(configOf(plugin), configOf(own));
  }
});

test('request-reply works in the stock server, the very first request included, for header and body_field', async () => {
  const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
  const [seedTopic, seedReplies] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [
      { ...DEFAULT_BEHAVIOUR, topic },
      { ...DEFAULT_BEHAVIOUR, topic: seedTopic, dialect: 'body', replyTopic: seedReplies },
    ],
  });
  cleanUps.push(() => responder.close());
  const bootstrap_servers = serversOf(kafka.bootstrapServers);
  const { url, servers } = await gateway([
    {
      path: '/echo',
      producer: { topic, reply_topic: replyTopic },
      consumer: { bootstrap_servers, topic: replyTopic },
    },
    {
      path: '/seed',
      producer: { topic: seedTopic, reply_topic: seedReplies, message_format: 'body_with_correlation_id' },
      consumer: { bootstrap_servers, topic: seedReplies, match: 'body_field' },
    },
  ]);

  const first = await ask(`${url}/echo`, { body: 'the first' });
  assert.deepEqual([first.status, first.body.toString()], [200, 'the first']);

  const nonces = Array.from({ length: 100 }, () => randomUUID());
  const answers = await Promise.all(nonces.map((nonce) => ask(`${url}/echo`, { body: nonce })));
  assert.deepEqual(
    answers.map((answer) => answer.body.toString()),
    nonces,
  );

  const seed = await ask(`${url}/seed`, {
    headers: { 'content-type': 'application/json' },
    body: '{"item":"book"}',
  });
  assert.equal(seed.status, 200);
  assert.equal(seed.json.item, 'book');
  assert.ok(servers.children.every((child) => child.alive));
});

/** Its two halves share a process there, other than those of the pair. */
test('the one plugin answers in the stock server, with its own errors, and tells a delivery that failed', async () => {
  const [topic, replyTopic] = [await kafka.topic({ partitions: 4 }), await kafka.topic({ partitions: 4 })];
  const [silent, narrow] = [
    await kafka.topic(),
    await kafka.topic({ config: { 'max.message.bytes': '500' } }),
  ];
  const [seedTopic, seedReplies] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [
      { ...DEFAULT_BEHAVIOUR, topic },
      { ...DEFAULT_BEHAVIOUR, topic: seedTopic, dialect: 'body', replyTopic: seedReplies },
    ],
  });
  cleanUps.push(() => responder.close());
  const replies = { reply_topic: replyTopic };
  const { url, servers } = await gateway([
    { path: '/echo', requestReply: { topic, ...replies, reply: { max_reply_bytes: 50 } } },
    {
      path: '/seed',
      requestReply: {
        topic: seedTopic,
        reply_topic: seedReplies,
        message_format: 'body_with_correlation_id',
        reply: { match: 'body_field' },
      },
    },
    { path: '/nobody', requestReply: { topic: silent, ...replies, reply: { timeout: 700 } } },
    { path: '/narrow', requestReply: { topic: narrow, ...replies } },
  ]);

  const first = await ask(`${url}/echo`, { body: 'the first' });
  assert.deepEqual([first.status, first.body.toString()], [200, 'the first']);
  const nonces = Array.from({ length: 100 }, () => randomUUID());
  const answers = await Promise.all(nonces.map((nonce) => ask(`${url}/echo`, { body: nonce })));
  assert.deepEqual(
    answers.map((answer) => answer.body.toString()),
    nonces,
  );
  const seed = await ask(`${url}/seed`, {
    headers: { 'content-type': 'application/json' },
    body: '{"item":"book"}',
  });
  assert.deepEqual([seed.status, seed.json.item], [200, 'book']);

  const head = await ask(`${url}/echo`, { method: 'HEAD', body: 'hello' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '5', 0]);
  for (const [path, body, status, code] of [
    ['/echo', 'x'.repeat(51), 502, 'reply_too_large'],
    ['/nobody', '', 504, 'reply_timeout'],
    ['/narrow', randomBytes(1000), 413, 'request_too_large'],
  ] as const) {
    const answer = await ask(url + path, { body });
    assert.deepEqual([answer.status, answer.json.code], [status, code], path);
  }
  assert.ok(servers.children.every((child) => child.alive));
});

test('the one plugin beside a producer is a clear 500 in the stock server, and sends nothing', async () => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const sends = { topic, reply_topic: replyTopic };
  const { url, servers } = await gateway([{ path: '/both', producer: sends, requestReply: sends }]);
  for (const body of ['first', 'second']) {
    const answer = await ask(`${url}/both`, { body });
    assert.deepEqual([answer.status, answer.json.code], [500, 'misconfigured']);
  }
  const sent = await readAll(kafka.connection, topic, 2);
  assert.deepEqual(
    sent.map(({ value }) => value?.toString()),
    ['first', 'second'],
  );
  assert.ok(servers.children.every((child) => child.alive));
});

test('errors are ours in the stock server too', async () => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const bootstrap_servers = serversOf(kafka.bootstrapServers);
  const there = { bootstrap_servers, topic: replyTopic };
  const { url, servers } = await gateway([
    { path: '/nobody', producer: { topic, reply_topic: replyTopic }, consumer: { ...there, timeout: 700 } },
    { path: '/small', producer: { topic, reply_topic: replyTopic, max_request_bytes: 10 }, consumer: there },
    { path: '/half', consumer: there },
    { path: '/lost', producer: { topic, reply_topic: replyTopic }, consumer: {} },
    { path: '/one-way', producer: { topic } },
  ]);
  const code = async (path: string, body = '') => {
    const answer = await ask(url + path, { body });
    return [answer.status, answer.json.code];
  };
  assert.deepEqual(await code('/nobody'), [504, 'reply_timeout']);
  assert.deepEqual(await code('/small', 'more than ten'), [413, 'request_too_large']);
  assert.deepEqual(await code('/half'), [500, 'misconfigured']);
  assert.deepEqual(await code('/lost'), [500, 'misconfigured']);
  const sent = await ask(`${url}/one-way`);
  assert.deepEqual([sent.status, sent.json], [200, { message: 'message sent' }]);
  assert.ok(servers.children.every((child) => child.alive));
});

test('status, limits, HEAD, Prefer and large bodies work in the stock server as in ours', async () => {
  const [topic, refused, silent] = [await kafka.topic(), await kafka.topic(), await kafka.topic()];
  const replyTopic = await kafka.topic();
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [
      { ...DEFAULT_BEHAVIOUR, topic },
      { ...DEFAULT_BEHAVIOUR, topic: refused, error: true, status: 422 },
    ],
  });
  cleanUps.push(() => responder.close());
  const there = { bootstrap_servers: serversOf(kafka.bootstrapServers), topic: replyTopic };
  const { url, servers } = await gateway([
    {
      path: '/echo',
      producer: { topic, reply_topic: replyTopic },
      consumer: { ...there, max_reply_bytes: 50 },
    },
    { path: '/refused', producer: { topic: refused, reply_topic: replyTopic }, consumer: there },
    {
      path: '/patient',
      producer: { topic: silent, reply_topic: replyTopic },
      consumer: { ...there, timeout: 60_000, timeout_ceiling: 60_000 },
    },
    {
      path: '/own-id',
      producer: { topic, reply_topic: replyTopic, correlation: 'client' },
      consumer: there,
    },
  ]);
  const refusal = await ask(`${url}/refused`, { body: 'sold out' });
  assert.deepEqual([refusal.status, refusal.body.toString()], [422, 'sold out']);
  const large = await ask(`${url}/echo`, { body: 'x'.repeat(51) });
  assert.deepEqual([large.status, large.json.code], [502, 'reply_too_large']);
  const head = await ask(`${url}/echo`, { method: 'HEAD', body: 'hello' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '5', 0]);
  const patient = await ask(`${url}/patient`, { headers: { prefer: 'wait=1' } });
  assert.deepEqual([patient.status, patient.json.code], [504, 'reply_timeout']);
  assert.equal(patient.headers['preference-applied'], 'wait=1');
  const own = await ask(`${url}/own-id`, { headers: { 'kong-request-id': 'order-1' }, body: 'mine' });
  assert.deepEqual(
    [own.status, own.headers['kong-request-id'], own.body.toString()],
    [200, 'order-1', 'mine'],
  );
  const largeBody = 'x'.repeat(20_000);
  assert.equal((await ask(`${url}/own-id`, { body: largeBody })).body.toString(), largeBody);
  assert.ok(servers.children.every((child) => child.alive));
});

test('log entries are written from the stock server, text beyond ASCII as it came', async () => {
  const topic = await kafka.topic();
  const { url, servers } = await gateway([
    { path: '/logged', log: { topic, producer_async_flush_timeout: 50, key_query_arg: 'tenant' } },
  ]);
  const name = Buffer.from('Zürich').toString('latin1');
  for (let count = 0; count < 3; count++) {
    const answer = await ask(`${url}/logged?tenant=a`, {
      headers: { 'x-city': name, 'x-api-key': 'planted' },
    });
    assert.equal(answer.status, 503);
  }
  const records = await readAll(kafka.connection, topic, 3);
  for (const { key, value } of records) {
    assert.equal(key?.toString(), 'a');
    const { request } = JSON.parse(value!.toString()) as { request: { headers: Record<string, string> } };
    assert.deepEqual([request.headers['x-city'], request.headers['x-api-key']], ['Zürich', '***']);
  }
  assert.ok(servers.children.every((child) => child.alive));
});

/** The process that waits does not know the one that sends. */
test('a record that cannot be delivered is a timeout in the stock server, and an error only one-way', async () => {
  const narrow = await kafka.topic({ config: { 'max.message.bytes': '500' } });
  const replyTopic = await kafka.topic();
  const there = { bootstrap_servers: serversOf(kafka.bootstrapServers), topic: replyTopic };
  const { url, servers } = await gateway([
    {
      path: '/held',
      producer: { topic: narrow, reply_topic: replyTopic },
      consumer: { ...there, timeout: 1000, error_handling: { return_error_message: true } },
    },
    { path: '/one-way', producer: { topic: narrow } },
  ]);
  const body = randomBytes(1000);
  const held = await ask(`${url}/held`, { body });
  assert.deepEqual([held.status, held.json.code], [504, 'reply_timeout']);
  assert.match(String(held.json.error), /delivery is known to the producer only/);
  const sent = await ask(`${url}/one-way`, { body });
  assert.deepEqual([sent.status, sent.json.code], [413, 'request_too_large']);
  assert.ok(servers.children.every((child) => child.alive));
});

/** Kong's side of MsgPack:1. The route has no service: with one, the request would have gone there. */
test('with the stock server a request whose process is killed goes on as if nothing had been asked', async () => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const there = { bootstrap_servers: serversOf(kafka.bootstrapServers), topic: replyTopic };
  let onArrival = (): void => undefined;
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 60_000 }],
    onRequest: () => onArrival(),
  });
  cleanUps.push(() => responder.close());
  const { url, servers } = await gateway([
    {
      path: '/held',
      producer: { topic, reply_topic: replyTopic },
      consumer: { ...there, timeout: 50_000, timeout_ceiling: 50_000 },
    },
  ]);
  // Kong refuses only where it has no instance yet.
  assert.equal((await ask(`${url}/held`, { headers: { prefer: 'wait=1' } })).status, 504);
  const hasArrived = new Promise<void>((resolve) => (onArrival = resolve));
  const held = ask(`${url}/held`, { body: 'small' });
  await hasArrived;
  const consumer = servers.children[1]!;
  consumer.kill('SIGKILL');
  const { status, json } = await held;
  assert.deepEqual([status, json.code], [503, undefined]);
});
