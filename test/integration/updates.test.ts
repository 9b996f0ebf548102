/** Changes of Kong's configuration, with a real Kafka: how many clients the plugin server has for how many instances. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startGateway } from '../../dev/gateway/gateway';
import { useKafka } from '../../dev/kafka/use-kafka';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { PluginServerProcess } from '../../dev/stack';
import { ask, kongYml } from '../support/stack';
import { until } from './kafka/support';

const kafka = useKafka();
const UPDATES = 20;

interface Status {
  readonly plugins: {
    readonly custom_kafka_producer: {
      readonly instances: number;
      readonly open_events: number;
      readonly process: {
        readonly clusters: unknown[];
        readonly reply_channels: unknown[];
        readonly in_flight: number;
      };
    };
  };
}

/** Each instance once had clients of its own somewhere else, and brokers ran out of connections. */
test('workers, routes and versions of a configuration share one client', async (t) => {
  const [topic, replyTopic] = [await kafka.topic(), await kafka.topic()];
  const responder = await startResponder({
    connection: kafka.connection,
    topics: [{ ...DEFAULT_BEHAVIOUR, topic, delayMs: 20 }],
  });
  t.after(() => responder.close());
  const server = await PluginServerProcess.start();
  t.after(() => server.stop());
  const config = (timeoutMs: number) =>
    JSON.parse(
      kongYml(
        kafka.bootstrapServers,
        ['/one', '/two', '/three'].map((path) => ({
          path,
          producer: { topic, reply_topic: replyTopic },
          // Any change to any plugin renews all instances.
          consumer: { timeout: timeoutMs },
        })),
      ),
    ) as object;
  const gateway = await startGateway({
    config: config(9000),
    pluginServers: server.plugins.map(({ name, socketPath, dumpPath }) => ({
      name,
      socketPath,
      dump: dumpPath,
    })),
    workers: 2,
  });
  t.after(() => gateway.close());
  const askAll = async () => {
    // New connections: they go to the workers in turns.
    const paths = ['/one', '/two', '/three', '/one', '/two', '/three', '/one', '/two'];
    const answers = await Promise.all(paths.map((path) => ask(gateway.url + path, { body: path })));
    answers.forEach(({ status, body }, index) =>
      assert.deepEqual([status, body.toString()], [200, paths[index]]),
    );
  };
  const ofServer = async () => {
    const { instances, open_events, process } = ((await server.status()) as unknown as Status).plugins
      .custom_kafka_producer;
    return {
      instances,
      openEvents: open_events,
      clusters: process.clusters.length,
      replyChannels: process.reply_channels.length,
      inFlight: process.in_flight,
      threads: readdirSync(`/proc/${server.child.pid}/task`).length,
    };
  };
  for (let round = 0; round < 4; round++) await askAll();
  const before = await ofServer();
  assert.deepEqual([before.instances, before.clusters, before.replyChannels], [6, 1, 1]);
  for (let update = 1; update <= UPDATES; update++) {
    const asked = askAll();
    gateway.reload(config(9000 + update));
    await asked;
    await askAll();
  }
  // Those that Kong has closed go when nobody has used them for ten seconds.
  const isSettled = async () => (await ofServer()).instances === before.instances;
  await until('the instances that Kong has closed are gone', isSettled, 30_000);
  assert.deepEqual(await ofServer(), before);
  const { startedInstances = 0, reruns = 0 } = gateway.counters.plugins.custom_kafka_producer ?? {};
  assert.ok(startedInstances > 3 * UPDATES, `${startedInstances} instances were started`);
  t.diagnostic(`${startedInstances} instances of the producer, ${reruns} events run again`);
});
