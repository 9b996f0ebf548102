import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { startKafka, type KafkaServer } from '../../../dev/kafka/server';
import { connect, deliver, Inbox } from './support';

const CLI = join(__dirname, '../../../dev/kafka/cli.js');

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

test('a server serves, stops, and takes its files along', async (t) => {
  const server = await startKafka();
  t.after(() => server.stop());
  assert.match(server.bootstrapServers, /^127\.0\.0\.1:\d+$/);
  await server.createTopic('t', { partitions: 2 });
  await server.createTopic('t');
  await server.createPartitions('t', 3);
  const { producer } = connect(t, server.connection);
  await producer.whenUp();
  assert.equal(await producer.partitionsOf('t'), 3);
  await producer.close();
  const processId = server.nodes[0]?.processId ?? assert.fail('it runs');
  await server.stop();
  await server.stop();
  assert.equal(isAlive(processId), false);
  assert.equal(server.nodes[0]?.running, false);
});

test('data in a given folder survive the server', async (t) => {
  const dataRoot = await mkdtemp(join(tmpdir(), 'kafka-kept-'));
  t.after(() => rm(dataRoot, { recursive: true }));
  const servers: KafkaServer[] = [];
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const first = await startKafka({ dataRoot });
  servers.push(first);
  await first.createTopic('kept');
  await first.stop();
  const second = await startKafka({ dataRoot });
  servers.push(second);
  const { producer } = connect(t, second.connection);
  await producer.whenUp();
  assert.equal(await producer.partitionsOf('kept'), 1);
});

test('a server that cannot start tells what it logged', async () => {
  await assert.rejects(
    startKafka({ properties: { 'num.partitions': 'many' } }),
    /ended with 1 at start:[^]*many/,
  );
});

test('a port in use is told as such', async (t) => {
  const server = await startKafka();
  t.after(() => server.stop());
  const port = server.nodes[0]?.port ?? assert.fail('a server has a node');
  await assert.rejects(startKafka({ port }), { message: /^Port \d+ is in use/ });
});

test('three nodes replicate, and serve on when one is killed', { timeout: 120_000 }, async (t) => {
  const server = await startKafka({ nodes: 3 });
  t.after(() => server.stop());
  await server.createTopic('t', { replicationFactor: 3 });
  const { producer, reader } = connect(t, server.connection);
  const inbox = new Inbox();
  await reader.follow('t', { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(producer, { topic: 't', value: Buffer.from('three') });
  await server.nodes[2]?.stop('SIGTERM');
  await deliver(producer, { topic: 't', value: Buffer.from('two') }).catch(() =>
    deliver(producer, { topic: 't', value: Buffer.from('two') }),
  );
  await inbox.has(2, 20_000);
  assert.equal(inbox.texts[0], 'three');
});

test('the command prints the address, and Ctrl-C ends it and its node', async (t) => {
  const probe = await startKafka();
  const port = probe.nodes[0]?.port ?? assert.fail('a server has a node');
  await probe.stop();
  const child = spawn(process.execPath, [CLI, 'start', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  assert.equal(line, `127.0.0.1:${port}`);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a node does not outlive a killed parent, nor do its files', async (t) => {
  const script = `
    require(${JSON.stringify(join(__dirname, '../../../dev/kafka/server'))}).startKafka()
      .then((server) => console.log(server.nodes[0].processId, server.nodes[0].folder));
  `;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const [processId = '', folder = ''] = line.split(' ');
  assert.equal(isAlive(Number(processId)), true);
  assert.equal(existsSync(folder), true);
  child.kill('SIGKILL');
  for (let i = 0; i < 500 && (isAlive(Number(processId)) || existsSync(folder)); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(isAlive(Number(processId)), false);
  assert.equal(existsSync(folder), false);
});

test('the command tells a wrong option in one sentence', async () => {
  const failed = await promisify(execFile)(process.execPath, [CLI, 'start', '--fast']).then(
    () => assert.fail('it was accepted'),
    (error: { code: number; stderr: string }) => error,
  );
  assert.equal(failed.code, 1);
  assert.equal(failed.stderr, "kafka: Unknown option '--fast'. See --help.\n");
});
