/** A client whose gateway ends under it, and which comes again to another one: the client is that of docs/streams.md. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { documentedClient } from '../support/documented-client';
import { readAll } from '../support/read-all';
import { Stack } from '../support/stack';

const kafka = useKafka();

const MESSAGES = 300;
const BEFORE_THE_END = 100;

/** What stands before the gateways. */
async function loadBalancer(target: string) {
  const balancer = { target, port: 0, close: () => server.close() };
  const server = createServer((client) => {
    const { hostname, port } = new URL(balancer.target);
    const gateway = connect(Number(port), hostname);
    client.pipe(gateway).pipe(client);
    for (const [one, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  balancer.port = (server.address() as AddressInfo).port;
  return balancer;
}

/**
 * Sends keyed messages to one of two gateways, ends that one midway, and waits for all replies.
 * @returns how often each message is in Kafka
 */
async function story(endOf: (first: Stack) => Promise<unknown>) {
  const [topic, reply_topic] = [await kafka.topic({ partitions: 2 }), await kafka.topic({ partitions: 2 })];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 100 }],
  });
  const requestReply = {
    topic,
    reply_topic,
    idempotency: 'replay',
    idempotency_secret: 'the same on every gateway',
    reply: { mode: 'stream', timeout: 20_000, stream: { messages_per_second: 10_000 } },
  };
  const start = () =>
    Stack.start(kafka.bootstrapServers, [{ path: '/keyed', requestReply, hasService: true }]);
  const [first, other] = [await start(), await start()];
  const balancer = await loadBalancer(first.url);
  const { client, said, closes, end } = await documentedClient(`ws://127.0.0.1:${balancer.port}/keyed`);
  try {
    const all = Array.from({ length: MESSAGES }, (_, n) => client.send({ n }));
    await Promise.all(all.slice(0, BEFORE_THE_END));
    const answeredBefore = new Set(said.map(({ ref }) => ref));
    balancer.target = other.url;
    await endOf(first);
    for (const [n, { status, body }] of (await Promise.all(all)).entries())
      assert.deepEqual([status, body], [200, { n }]);
    assert.equal(said.length, MESSAGES, 'each reply once, over both connections');
    assert.equal(new Set(said.map(({ ref }) => ref)).size, MESSAGES);
    assert.ok(answeredBefore.size < MESSAGES, 'it was midway');
    await other.nothingPending();
    const records = await readAll(kafka.connection, topic, MESSAGES);
    const [times, ids] = [new Map<string, number>(), new Set<string>()];
    for (const { headers } of records) {
      const header = (name: string) => headers.find(([one]) => one === name)![1].toString();
      const key = header('idempotency-key');
      times.set(key, (times.get(key) ?? 0) + 1);
      ids.add(header('kafka_correlationId'));
    }
    assert.equal(times.size, MESSAGES);
    assert.equal(ids.size, MESSAGES, 'one id for a key, at both gateways');
    for (const key of answeredBefore) assert.equal(times.get(key), 1, 'what was answered is not sent again');
    return { times: [...times.values()], closes: [...closes] };
  } finally {
    end();
    balancer.close();
    await first.stop();
    await other.stop();
    await responder.close();
  }
}

test('a gateway that is killed: each message gets its reply once, and is sent once by each gateway at most', async () => {
  const { times, closes } = await story(async ({ server: { child } }) => child.kill('SIGKILL'));
  assert.deepEqual(closes, [1006]);
  assert.ok(Math.max(...times) <= 2);
});

test('a gateway that ends: 1012, and nothing at all is sent twice', async () => {
  const { times, closes } = await story(({ server: { child } }) => child.stop());
  assert.deepEqual(closes, [1012]);
  assert.equal(Math.max(...times), 1);
});
