/**
 * Clusters that refuse connections, or take them and say nothing, held every thread of the pool that all clusters share:
 * with a dozen of them the routes of others were slow, with fifty none of their requests was answered.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { KafkaClients } from '../../../bridge/kafka/clients';
import { threadPool } from '../../../bridge/kafka/thread-pool';
import { freePorts } from '../../../dev/kafka/ports';
import { useKafka } from '../../../dev/kafka/use-kafka';
import { connect, deliver, Inbox, until } from './support';

const kafka = useKafka();
const DEAD = 40;

interface ShareFacts {
  readonly slots: number;
  readonly in_use: number;
}

const share = (name: string) => threadPool.status()[name] as ShareFacts;
const seatsTaken = () => (threadPool.status()['reading'] as ShareFacts).in_use;

/** @returns the port of a listener that never says a word */
async function mutePort(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as { port: number }).port;
}

test('a cluster that comes along beside many dead ones is ready as if it were alone', async (t) => {
  const topic = await kafka.topic();
  const mute = await mutePort(t);
  const clients = new KafkaClients();
  t.after(() => clients.close());
  const refusing = await freePorts(DEAD / 2);
  const dead = Array.from({ length: DEAD }, (_, number) => {
    const port = refusing[number] ?? mute;
    const lease = clients.acquire(`dead ${number}`, { bootstrapServers: [`127.0.0.1:${port}`] });
    lease.reader.follow('replies', { from: 'end', onRecord: () => undefined });
    return lease;
  });

  const startedMs = performance.now();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await deliver(producer, { topic });
  await inbox.has(1);
  const tookMs = performance.now() - startedMs;
  // The others wait for three seconds each before anything is known of them.
  assert.ok(tookMs < 2500, `${tookMs} ms`);

  for (const name of ['trying', 'retrying']) assert.ok(share(name).in_use <= share(name).slots);
  await until(
    'they are known to be dead',
    () => dead.every((lease) => lease.producer.state === 'down'),
    20_000,
  );
  // Where the producer gets no connection the reader does not even try.
  for (const { reader } of dead) assert.equal(reader.status()['failed_connects'], 0);
});

test('a reader whose connection is down blocks no thread, and reads on when it is back', async (t) => {
  const topic = await kafka.topic();
  const { producer, reader } = connect(t, kafka.connection);
  const inbox = new Inbox();
  await reader.follow(topic, { from: 'end', onRecord: inbox.onRecord }).whenReady();
  await until('it waits for records', () => seatsTaken() === 1);
  const [node] = kafka.server.nodes;
  assert.ok(node);
  await node.stop('SIGKILL');
  await until('it waits for nothing', () => seatsTaken() === 0);
  await node.start();
  await producer.whenUp();
  await deliver(producer, { topic });
  await inbox.has(1);
  await until('it waits for records again', () => seatsTaken() === 1);
});
