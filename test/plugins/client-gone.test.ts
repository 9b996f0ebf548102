/**
 * Kong's workers that end while requests wait, and clients that leave: nothing may be kept for them longer than it must,
 * in the registry or in the server.
 */

import assert from 'node:assert/strict';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { RequestReply } from '../../bridge/request-reply';
import { startGateway } from '../../dev/gateway/gateway';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { FakeKong } from '../pluginserver/support/fake-kong';
import { captureLog, eventually, temporaryFolder } from '../pluginserver/support/serving';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka } from '../support/fake-kafka';
import { FakeKong as FakeEvent } from '../support/fake-kong';
import { SERVERS } from '../support/route';

const PRODUCER = 'custom_kafka_producer';
const CONSUMER = 'custom_kafka_consumer';
const PRODUCER_CONFIG = { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies' };
const TIMEOUT_MS = 5000;
/** Longer than a wait that no consumer claims. */
const LONG_MS = 20_000;
const DUMPS = join(__dirname, '..', '..', '..', 'kong');

/** Both plugins on their sockets, on a cluster in memory and a clock that only the test moves. */
async function bothPlugins(t: TestContext) {
  captureLog(t);
  const clock = new FakeClock();
  const requestReply = new RequestReply({ clients: new FakeKafka(), clock });
  requestReply.setTogether(true);
  const folder = temporaryFolder(t);
  const serve = async (name: string, Plugin: new (config: unknown) => object): Promise<PluginServer> => {
    const plugin = toPlugin({ Plugin, Name: name }, folder);
    const server = new PluginServer({ plugin, socketPath: join(folder, `${name}.sock`) });
    await server.listen();
    t.after(() => server.close());
    return server;
  };
  const producer = await serve(
    PRODUCER,
    class extends ProducerHandler {
      constructor(config: unknown) {
        super(parseProducerConfig(config), requestReply);
      }
    },
  );
  const consumer = await serve(
    CONSUMER,
    class extends ConsumerHandler {
      constructor(config: unknown) {
        super(parseConsumerConfig(config), requestReply);
      }
    },
  );
  const nothingOpen = () =>
    eventually(() => producer.openEventCount + consumer.openEventCount === 0, 'events are left');
  return { clock, requestReply, producer, consumer, nothingOpen };
}

const EVENTS = 10_000;
const LANES = 50;
/** One in so many is closed before the consumer has claimed its wait. */
const EARLY_EVERY = 10;

// A Kong worker that ends closes the connections of its events, whatever is going on.
test(`${EVENTS} events that Kong closes leave nothing behind`, async (t) => {
  const { clock, requestReply, consumer, nothingOpen } = await bothPlugins(t);
  const producer = new ProducerHandler(parseProducerConfig(PRODUCER_CONFIG), requestReply);
  const lane = async (number: number): Promise<void> => {
    const starting = await FakeKong.connect(consumer.socketPath);
    const consumerInstance = await starting.startInstance(CONSUMER, { timeout: TIMEOUT_MS });
    for (let event = 0; event < EVENTS / LANES; event++) {
      const requestId = `${number}-${event}`;
      await producer.access(new FakeEvent({ requestId }));
      const waiting = await FakeKong.connect(consumer.socketPath);
      waiting.handleEvent(consumerInstance);
      const isEarly = event % EARLY_EVERY === 0;
      if (!isEarly) await waiting.answerRequestId(requestId);
      await waiting.close();
    }
    await starting.close();
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  await nothingOpen();
  const { events, events_closed_by_kong } = consumer.status();
  assert.deepEqual([events, events_closed_by_kong], [EVENTS, EVENTS]);
  // What was closed before the claim is forgotten when the time for the claim is over.
  assert.equal(requestReply.inFlight, EVENTS / EARLY_EVERY);
  clock.advance(LONG_MS);
  assert.equal(requestReply.inFlight, 0);
  assert.equal(requestReply.notHandedOver, 0);
  assert.equal(clock.pendingTimers, 0);
});

const HTTP_CLIENTS = 300;

/** The stand-in for Kong with a route that has both plugins, and so many clients that wait there. */
async function waitingClients(t: TestContext) {
  const both = await bothPlugins(t);
  const { requestReply, producer, consumer } = both;
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      routes: [
        {
          name: 'all',
          paths: ['/'],
          plugins: [
            { name: PRODUCER, config: PRODUCER_CONFIG },
            { name: CONSUMER, config: { timeout: TIMEOUT_MS } },
          ],
        },
      ],
    },
    pluginServers: [producer, consumer].map((server) => ({
      name: server.pluginName,
      socketPath: server.socketPath,
      dump: join(DUMPS, `${server.pluginName}.json`),
    })),
  });
  t.after(() => gateway.close());
  const clients = Array.from({ length: HTTP_CLIENTS }, (): ClientRequest => {
    const client = httpRequest(gateway.url, { method: 'POST', agent: false });
    client.on('error', () => undefined).end('{}');
    return client;
  });
  await eventually(() => requestReply.inFlight === HTTP_CLIENTS, 'not all requests wait');
  await eventually(() => requestReply.notHandedOver === 0, 'not all waits were claimed');
  const assertNothingLeft = async (): Promise<void> => {
    await both.nothingOpen();
    assert.equal(requestReply.inFlight, 0);
    const reruns = Object.values(gateway.counters.plugins).map((plugin) => plugin.reruns);
    assert.deepEqual(reruns, [0, 0]);
    both.clock.advance(LONG_MS);
    assert.equal(both.clock.pendingTimers, 0);
  };
  return { ...both, gateway, clients, assertNothingLeft };
}

// The shipped settings once had Kong look out for clients that leave (lua_check_client_abort), which ended such a wait at
// once, and now and then Kong's worker with it. Kong's default is not to look: the deadline ends the wait.
test(`${HTTP_CLIENTS} HTTP clients that leave are forgotten at their deadline, not before`, async (t) => {
  const { clock, requestReply, clients, assertNothingLeft } = await waitingClients(t);
  for (const client of clients) client.destroy();
  await eventually(() => clients.every(({ socket }) => socket?.destroyed), 'a client is left');
  assert.equal(requestReply.inFlight, HTTP_CLIENTS);
  clock.advance(TIMEOUT_MS + 10);
  await assertNothingLeft();
});

test(`${HTTP_CLIENTS} HTTP clients of a Kong that ends are forgotten at once`, async (t) => {
  const { gateway, assertNothingLeft } = await waitingClients(t);
  await gateway.close();
  await assertNothingLeft();
});
