/** Log entries of requests in a topic: through the plugin, and as Kong's HTTP Log plugin posts them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { logStatus } from '../../bench/log-drill/run';
import { setLogSink } from '../../bridge/telemetry/log';
import { freePorts } from '../../dev/kafka/ports';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PluginServerProcess } from '../../dev/stack';
import { readAll } from '../support/read-all';
import { logEntry } from '../support/log-entries';
import { ask, Stack } from '../support/stack';

setLogSink(() => undefined);

const kafka = useKafka();
const SECRET = 'planted-secret-of-16';
const TENANTS = ['a', 'b', 'c', 'd'];
/** Requests of each. */
const NUMBERS = 20;

interface Entry {
  readonly request: { readonly id: string; readonly uri: string; readonly method: string };
  readonly response: { readonly status: number };
  readonly route: object;
  readonly source: string;
}

async function entriesIn(
  topic: string,
  count: number,
): Promise<{ entry: Entry; key: string | undefined; partition: number }[]> {
  const records = await readAll(kafka.connection, topic, count);
  return records.map(({ value, key, partition }) => ({
    entry: JSON.parse(value!.toString()) as Entry,
    key: key?.toString(),
    partition,
  }));
}

test('each request has one entry, those of a key in their order, and no secret is in any', async () => {
  const topic = await kafka.topic({ partitions: 4 });
  const stack = await Stack.start(kafka.bootstrapServers, [
    { path: '/logged', log: { topic, key_query_arg: 'tenant', producer_async_flush_timeout: 50 } },
  ]);
  try {
    const headers = { 'x-api-key': SECRET, cookie: `sid=${SECRET}`, authorization: `Bearer ${SECRET}` };
    const accepted = async (count: number): Promise<void> => {
      while ((await logStatus(stack.server)).accepted < count)
        await new Promise((resolve) => setImmediate(resolve));
    };
    // Kong runs log phases in timers: only what it has handed over before the next request has an order.
    await ask(`${stack.url}/logged`);
    await accepted(1);
    for (let number = 0; number < NUMBERS; number++) {
      const queries = TENANTS.map((tenant) => `tenant=${tenant}&n=${number}&api_key=${SECRET}`);
      await Promise.all(queries.map((query) => ask(`${stack.url}/logged?${query}`, { headers })));
      await accepted(1 + (number + 1) * TENANTS.length);
    }
    const count = 1 + NUMBERS * TENANTS.length;
    const found = await entriesIn(topic, count);
    assert.equal(found.length, count);
    assert.equal(new Set(found.map(({ entry }) => entry.request.id)).size, count);
    for (const tenant of TENANTS) {
      const own = found.filter(({ key }) => key === tenant);
      assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      assert.deepEqual(
        own.map(({ entry }) => Number(/n=(\d+)/.exec(entry.request.uri)![1])),
        Array.from({ length: NUMBERS }, (_, number) => number),
      );
    }
    assert.doesNotMatch(JSON.stringify(found), /planted/);
    assert.doesNotMatch(JSON.stringify(await stack.server.status()), /planted/);
    const [{ entry }] = found as [(typeof found)[number]];
    assert.deepEqual([entry.response.status, entry.source], [503, 'kong']);
    assert.deepEqual(Object.keys(entry.route).sort(), ['id', 'name']);
    await stack.nothingPending();
  } finally {
    await stack.stop();
  }
});

test('SIGTERM: what was handed over is in the topic when the process ends', async () => {
  const topic = await kafka.topic();
  const stack = await Stack.start(kafka.bootstrapServers, [
    { path: '/logged', log: { topic, producer_async_flush_timeout: 3000 } },
  ]);
  try {
    for (let number = 0; number < 20; number++) await ask(`${stack.url}/logged`);
    while ((await logStatus(stack.server)).accepted < 20)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await logStatus(stack.server)).delivered, 0);
    stack.server.child.kill('SIGTERM');
    assert.equal(await stack.server.child.exited, 0);
    assert.equal((await entriesIn(topic, 20)).length, 20);
  } finally {
    await stack.stop();
  }
});

test('a plugin server that stands still delays no request, and has every entry when it goes on', async () => {
  const topic = await kafka.topic();
  const stack = await Stack.start(kafka.bootstrapServers, [{ path: '/logged', log: { topic } }]);
  try {
    await ask(`${stack.url}/logged`);
    while ((await logStatus(stack.server)).accepted < 1)
      await new Promise((resolve) => setImmediate(resolve));
    stack.server.child.kill('SIGSTOP');
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 50 }, () => ask(`${stack.url}/logged`)));
    stack.server.child.kill('SIGCONT');
    assert.equal((await entriesIn(topic, 1001)).length, 1001);
    assert.equal((await logStatus(stack.server)).accepted, 1001);
  } finally {
    stack.server.child.kill('SIGCONT');
    await stack.stop();
  }
});

test('a Kafka that was never there slows no request, and does not make the gateway unready', async () => {
  const stack = await Stack.start('127.0.0.1:1', [{ path: '/logged', log: { topic: 'logs' } }]);
  try {
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(`${stack.url}/logged`)));
    assert.ok(answers.every(({ status }) => status === 503));
    while ((await logStatus(stack.server)).held < 200) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await stack.server.status()).ready, true);
    const slowest = Math.max(
      ...(await Promise.all(Array.from({ length: 20 }, () => ask(`${stack.url}/logged`)))).map(
        ({ tookMs }) => tookMs,
      ),
    );
    assert.ok(slowest < 1000, `${slowest} ms`);
    // Nor does it keep the process for as long as a drain may take.
    stack.server.child.kill('SIGTERM');
    assert.equal(await stack.server.child.exited, 0);
  } finally {
    await stack.stop();
  }
});

test('Kong posts its batches to a sink of the file, before any request was logged', async () => {
  const topic = await kafka.topic();
  const folder = await mkdtemp(join(tmpdir(), 'sinks-'));
  const [port] = await freePorts(1);
  const [host, kafkaPort] = kafka.bootstrapServers.split(',')[0]!.split(':');
  const config = {
    bootstrap_servers: [{ host, port: Number(kafkaPort) }],
    topic,
    sink: { secret: SECRET },
    producer_async_flush_timeout: 50,
  };
  await writeFile(join(folder, 'sinks.json'), JSON.stringify({ main: config }));
  const server = await PluginServerProcess.start({
    flags: ['--http-listen', `127.0.0.1:${port}`],
    env: { KONG_KAFKA_LOG_SINKS: join(folder, 'sinks.json') },
  });
  try {
    await server.child.until(/listening for HTTP/);
    const post = (body: unknown) =>
      ask(`http://127.0.0.1:${port}/log/main`, {
        headers: { 'x-sink-secret': SECRET, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const batch = Array.from({ length: 200 }, (_, n) => logEntry({ more: { n } }));
    const answer = await post(batch);
    assert.deepEqual([answer.status, answer.json], [200, { taken: 200 }]);
    assert.equal((await post(logEntry())).status, 200);
    assert.equal((await entriesIn(topic, 201)).length, 201);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
