/** Changes of Kong's configuration, with a real Kafka: how many clients the plugin server has for how many instances. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { PluginName } from '../../common/plugins';
import { startGateway } from '../../dev/gateway/gateway';
import { useKafka } from '../../dev/kafka/use-kafka';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';
import { DEFAULT_BEHAVIOUR } from '../../dev/responder/behaviour';
import { startResponder } from '../../dev/responder/responder';
import { PluginServerProcess } from '../../dev/stack';
import { ask, kongYml, waitingRoute } from '../support/stack';
import { until } from './kafka/support';

const kafka = useKafka();
const UPDATES = 20;

interface Served {
  readonly instances: number;
  readonly open_events: number;
  readonly process: {
    readonly clusters: unknown[];
    readonly reply_channels: unknown[];
    readonly in_flight: number;
  };
}

interface Status {
  readonly plugins: Readonly<Record<PluginName, Served>>;
}

for (const form of PLUGIN_FORMS) {
  /** Each instance once had clients of its own somewhere else, and brokers ran out of connections. */
  test(`workers, routes and versions of a configuration share one client (${form})`, (t) =>
    shareOneClient(t, form));
}

async function shareOneClient(t: TestContext, form: PluginForm): Promise<void> {
  const sender = form === 'pair' ? 'custom_kafka_producer' : 'custom_kafka_request_reply';
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
        // Any change to any plugin renews all instances.
        ['/one', '/two', '/three'].map((path) =>
          waitingRoute(form, path, { topic, reply_topic: replyTopic }, { timeout: timeoutMs }),
        ),
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
    const { plugins } = (await server.status()) as unknown as Status;
    const { instances, open_events, process } = plugins[sender];
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
  const { replyChannels, ...after } = await ofServer();
  assert.deepEqual({ ...after, replyChannels: 1 }, before);
  // Each timeout is another configuration of the one plugin, which lingers: what it has of its own is a few counters.
  assert.ok(replyChannels <= (form === 'pair' ? 1 : 1 + UPDATES), `${replyChannels} reply channels`);
  const { startedInstances = 0, reruns = 0 } = gateway.counters.plugins[sender] ?? {};
  assert.ok(startedInstances > 3 * UPDATES, `${startedInstances} instances were started`);
  t.diagnostic(`${startedInstances} instances of ${sender}, ${reruns} events run again`);
}
