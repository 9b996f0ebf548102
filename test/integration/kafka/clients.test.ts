import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { KafkaClients } from '../../../bridge/kafka/clients';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { deliver, Inbox, until } from './support';

const kafka = useKafka();

test('leases with the same key share their clients, others do not', async (t) => {
  const clients = new KafkaClients();
  t.after(() => clients.close());
  const [a, again, b] = ['a', 'a', 'b'].map((key) => clients.acquire(key, kafka.connection));
  assert.ok(a && again && b);
  assert.equal(a.producer, again.producer);
  assert.equal(a.reader, again.reader);
  assert.notEqual(a.producer, b.producer);
  assert.deepEqual(
    clients.status().map(({ leases }) => leases),
    [2, 1],
  );
});

test('unused clients linger, and a lease in time takes them over', async (t) => {
  const clients = new KafkaClients({ lingerMs: 100 });
  t.after(() => clients.close());
  const first = clients.acquire('a', kafka.connection);
  await first.producer.whenUp();
  first.release();
  const second = clients.acquire('a', kafka.connection);
  assert.equal(second.producer, first.producer);
  // A second release of the first lease must not count.
  first.release();
  second.release();
  await until('the clients are closed', () => clients.status().length === 0);
  const third = clients.acquire('a', kafka.connection);
  assert.notEqual(third.producer, first.producer);
  await third.producer.whenUp();
});

test('close delivers, disconnects and is idempotent', async () => {
  const topic = await kafka.topic();
  const clients = new KafkaClients();
  const lease = clients.acquire('a', kafka.connection);
  const inbox = new Inbox();
  await lease.reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(lease.producer, { topic });
  await inbox.has(1);
  let reported = 0;
  for (let i = 0; i < 100; i++) lease.producer.produce({ topic, value: null, headers: [] }, () => reported++);
  const closed = clients.close();
  assert.equal(clients.close(), closed);
  await closed;
  assert.equal(reported, 100);
  lease.release();
  assert.throws(() => clients.acquire('a', kafka.connection), { code: 'draining' });
});

test('close keeps its bound when the cluster is away', async () => {
  const clients = new KafkaClients();
  const lease = clients.acquire('away', { bootstrapServers: ['127.0.0.1:1'] });
  lease.reader.follow('t', { from: 'end', onRecord: () => undefined });
  await until('it is known to be away', () => lease.producer.state === 'down');
  const started = performance.now();
  await clients.close(1000);
  assert.ok(performance.now() - started < 2000);
});

test('the status page shows what is wrong and how much was done', async (t) => {
  const topic = await kafka.topic();
  const clients = new KafkaClients();
  t.after(() => clients.close());
  const lease = clients.acquire('secret key', kafka.connection);
  await lease.reader.follow(topic, { from: 'end', onRecord: () => undefined }).whenReady();
  await deliver(lease.producer, { topic });
  const text = JSON.stringify(clients.status());
  assert.doesNotMatch(text, /secret/);
  assert.match(text, /"state":"up".*"delivered":1.*"reading":true/);
});

test('a process ends by itself after close', async () => {
  const topic = await kafka.topic();
  const script = `
    const { KafkaClients } = require(${JSON.stringify(join(__dirname, '../../../bridge/kafka/clients'))});
    const clients = new KafkaClients();
    const lease = clients.acquire('a', { bootstrapServers: [${JSON.stringify(kafka.bootstrapServers)}] });
    const followed = lease.reader.follow(${JSON.stringify(topic)}, { from: 'end', onRecord: () => {
      clients.close().then(() => console.log('closed'));
    } });
    followed.whenReady().then(() => lease.producer.produce({ topic: ${JSON.stringify(topic)}, value: null, headers: [] }, () => {}));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 10_000 });
  assert.equal(stdout, 'closed\n');
});
