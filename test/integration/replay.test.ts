/** kong-kafka-replay against a real Kafka and a service that has bad days. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createTopic } from '../../bridge/kafka/admin';
import { RecordProducer } from '../../bridge/kafka/producer';
import { useKafka } from '../../dev/kafka/use-kafka';
import { readAll } from '../support/read-all';

const MAIN = join(__dirname, '..', '..', 'replay', 'main.js');
const kafka = useKafka();

interface Seen {
  readonly key: string;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** @param statusOf of the answer; undefined: the connection is cut */
async function service(t: TestContext, statusOf: (seen: Seen) => number | undefined) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      const one = {
        key: String(headers['idempotency-key']),
        method,
        url,
        headers,
        body: Buffer.concat(chunks).toString('latin1'),
      };
      seen.push(one);
      const status = statusOf(one);
      if (status === undefined) request.socket.destroy();
      else response.writeHead(status).end(`answer ${status}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const kept = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  timestamp: Date.now() / 1000,
  method: 'POST',
  uri: `/orders/${id}?day=1`,
  headers: { 'content-type': 'application/json', 'x-tags': ['a', 'b'], host: 'old' },
  body: `{"id":"${id}"}`,
  service: 'orders',
  status: 502,
  delivered: 'no',
  ...more,
});

async function write(topic: string, values: readonly (object | string)[]): Promise<void> {
  const producer = new RecordProducer(kafka.connection);
  await producer.whenUp();
  await Promise.all(
    values.map(
      (value, index) =>
        new Promise<void>((resolve, reject) =>
          producer.produce(
            {
              topic,
              key: String(index),
              value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
              headers: [],
            },
            (error) => (error ? reject(error) : resolve()),
          ),
        ),
    ),
  );
  await producer.close();
}

function start(
  topic: string,
  ...flags: string[]
): { child: ChildProcess; summary: () => Record<string, number> } {
  const child = spawn(
    process.execPath,
    [MAIN, '--bootstrap', kafka.bootstrapServers, '--topic', topic, '--back-off-ms', '5,50', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return {
    child,
    summary: () => {
      const last = out.trim().split('\n').at(-1)!;
      assert.ok(last.startsWith('{'), errors + out);
      return JSON.parse(last) as Record<string, number>;
    },
  };
}

async function topics(): Promise<string> {
  const topic = await kafka.topic({ partitions: 3 });
  // Named after it, as the command expects them.
  await createTopic(kafka.connection, `${topic}.dead`);
  return topic;
}

test('each is carried out as it was, or stands in the dead topic with the reason', async (t) => {
  const topic = await topics();
  const { seen, url } = await service(t, ({ url }) =>
    url?.includes('refused') ? 422 : url?.includes('cut') ? undefined : 201,
  );
  await write(topic, [
    kept('one'),
    kept('bytes', { body: undefined, body_base64: '/wA=', method: 'PUT' }),
    kept('refused'),
    kept('cut'),
    kept('maybe', { delivered: 'maybe' }),
    kept('maybe-put', { delivered: 'maybe', method: 'PUT' }),
    kept('elsewhere', { uri: '//evil.example/x' }),
    'no JSON',
    kept('old', { timestamp: 1 }),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-replay-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [audit, token] = [join(folder, 'audit'), join(folder, 'token')];
  writeFileSync(token, 'Bearer of-the-operator\n');
  const { child, summary } = start(
    topic, '--to', `orders=${url}/base`, '--max-attempts', '3', '--only', 'younger=3600',
    '--audit-file', audit, '--header', `Authorization: @${token}`,
  ); // prettier-ignore
  assert.deepEqual(await once(child, 'exit'), [3, null]);
  assert.deepEqual(summary(), {
    carried_out: 4,
    carried_out_before: 0,
    maybe_delivered: 1,
    refused: 1,
    failed_too_often: 1,
    not_a_request: 1,
    dead_before: 0,
    passed_over: 1,
    attempts: 8,
  });

  const one = seen.find(({ key }) => key === 'one')!;
  assert.deepEqual([one.method, one.url, one.body], ['POST', '/base/orders/one?day=1', '{"id":"one"}']);
  assert.equal(one.headers['x-tags'], 'a, b');
  assert.equal(one.headers.authorization, 'Bearer of-the-operator');
  assert.equal(one.headers['x-kafka-failover-replayed'], '1');
  assert.equal(seen.find(({ key }) => key === 'bytes')!.body, '\xff\x00');
  // A path, whatever it looks like: it stays on the host that the operator has named.
  assert.equal(seen.find(({ key }) => key === 'elsewhere')!.url, '/base//evil.example/x');
  assert.equal(seen.filter(({ key }) => key === 'cut').length, 3);

  const dead = await readAll(kafka.connection, `${topic}.dead`, 4);
  const reasons = dead.map(({ headers }) => {
    const found = Object.fromEntries(headers.map(([name, value]) => [name, value.toString()]));
    return [found['replay-outcome'], found['replay-status'], found['replay-answer']?.slice(0, 10)].join(' ');
  });
  assert.deepEqual(reasons.sort(), [
    'failed_too_often  socket han',
    'maybe_delivered  the upstre',
    'not_a_request  the value ',
    'refused 422 answer 422',
  ]);
  const lines = readFileSync(audit, 'utf8').trim().split('\n');
  assert.equal(lines.length, 9);
  assert.doesNotMatch(lines.join(), /of-the-operator/);

  const again = start(topic, '--to', url);
  assert.deepEqual(await once(again.child, 'exit'), [0, null]);
  assert.equal(again.summary().attempts, 0, 'nothing is left for the group');
});

test('a dry run sends nothing and commits nothing', async (t) => {
  const topic = await topics();
  const { seen, url } = await service(t, () => 200);
  await write(topic, [kept('one'), kept('two', { delivered: 'maybe' })]);
  const dry = start(topic, '--to', url, '--dry-run');
  assert.deepEqual(await once(dry.child, 'exit'), [3, null]);
  assert.equal(seen.length, 0);
  assert.deepEqual(
    [dry.summary().carried_out, dry.summary().maybe_delivered, dry.summary().dead_before],
    [1, 1, 0],
  );
  const real = start(topic, '--to', url, '--maybe');
  assert.deepEqual(await once(real.child, 'exit'), [0, null]);
  assert.deepEqual(seen.map(({ key }) => key).sort(), ['one', 'two']);
  // It knows what is carried out, and says so.
  const after = start(topic, '--to', url, '--dry-run');
  assert.deepEqual(await once(after.child, 'exit'), [0, null]);
  const { carried_out, carried_out_before } = after.summary();
  assert.deepEqual([carried_out, carried_out_before], [0, 2]);
});

/** A dry run begins at the beginning, and once said of those that they would be carried out. */
test('a dry run says which requests are in the dead topic already', async (t) => {
  const topic = await topics();
  const { url } = await service(t, ({ url }) => (url?.includes('refused') ? 422 : 200));
  await write(topic, [kept('one'), kept('refused')]);
  const real = start(topic, '--to', url);
  assert.deepEqual(await once(real.child, 'exit'), [3, null]);
  await write(topic, [kept('three')]);
  const dry = start(topic, '--to', url, '--dry-run');
  assert.deepEqual(await once(dry.child, 'exit'), [0, null]);
  const { carried_out, carried_out_before, dead_before, attempts } = dry.summary();
  assert.deepEqual([carried_out, carried_out_before, dead_before, attempts], [1, 1, 1, 0]);
});

test('killed again and again, it loses none and repeats none but what was in flight', async (t) => {
  const count = 300;
  const topic = await topics();
  let asked = 0;
  const carriedOut = new Map<string, number>();
  const { seen, url } = await service(t, ({ key }) => {
    if (++asked % 3 === 0) return 503;
    carriedOut.set(key, (carriedOut.get(key) ?? 0) + 1);
    return 200;
  });
  await write(
    topic,
    Array.from({ length: count }, (_, index) => kept(`r${index}`)),
  );
  let kills = 0;
  for (let ended = false; !ended;) {
    const { child } = start(topic, '--to', url, '--max-attempts', '20', '--rate', '300');
    const exit = once(child, 'exit');
    const before = carriedOut.size;
    while (child.exitCode === null && (kills >= 2 || carriedOut.size < before + 60))
      await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 5))]);
    if (child.exitCode === null) {
      kills++;
      child.kill('SIGKILL');
    }
    const [code] = (await exit) as [number | null];
    ended = code === 0;
  }
  assert.equal(kills, 2);
  assert.equal(carriedOut.size, count, 'each was carried out');
  const repeated = [...carriedOut.values()].filter((times) => times > 1).length;
  // One in flight in each of three partitions.
  assert.ok(repeated <= 3 * kills, `${repeated} were repeated`);
  assert.ok(seen.every(({ key }) => /^r\d+$/.test(key)));
  t.diagnostic(`${repeated} of ${count} were repeated by ${kills} kills`);
});
