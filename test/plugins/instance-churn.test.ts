/**
 * Kong renews all instances of a plugin whenever any plugin changes, in each of its workers, and now and then goes back
 * to the old configuration for a moment. None of that may leave anything behind.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { getHeapCodeStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nextNonce, nonceOf } from '../../bench/load/payload';
import { ProtocolEnd } from '../../bench/load/protobuf-end';
import { RequestReply } from '../../bridge/request-reply';
import { setLogSink } from '../../bridge/telemetry/log';
import { CONSUMER, parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { ConsumerHandler } from '../../plugins/custom_kafka_consumer/handler';
import { parseProducerConfig, PRODUCER } from '../../plugins/custom_kafka_producer/config';
import { ProducerHandler } from '../../plugins/custom_kafka_producer/handler';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginServer } from '../../pluginserver/server';
import { FakeClock } from '../support/fake-clock';
import { FakeKafka, headerOf } from '../support/fake-kafka';
import { eventually } from '../pluginserver/support/serving';
import { receivedRecord } from '../support/records';
import { SERVERS } from '../support/route';

setLogSink(() => undefined);

/** Longer than unused configurations are kept. */
const LINGER_MS = 31_000;

interface Worker {
  readonly producer: ProtocolEnd;
  readonly consumer: ProtocolEnd;
}

function producerConfig(options: object = {}): object {
  return { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies', ...options };
}

/** Both plugins on real sockets and a cluster in memory that answers at once, or when a test says so. */
async function serveBoth(t: TestContext) {
  const [clock, kafka] = [new FakeClock(), new FakeKafka()];
  const requestReply = new RequestReply({ clients: kafka, clock });
  requestReply.setTogether(true);
  class Producer extends ProducerHandler {
    constructor(raw: unknown) {
      super(parseProducerConfig(raw), requestReply);
    }
  }
  class Consumer extends ConsumerHandler {
    constructor(raw: unknown) {
      super(parseConsumerConfig(raw), requestReply);
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'churn-'));
  const socketOf = (name: string) => join(folder, `${name}.sock`);
  const servers = [
    { Plugin: Producer, Name: PRODUCER.name },
    { Plugin: Consumer, Name: CONSUMER.name },
  ].map(
    (module) => new PluginServer({ plugin: toPlugin(module, folder), socketPath: socketOf(module.Name) }),
  );
  for (const server of servers) await server.listen();
  t.after(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let held: (() => void)[] | undefined;
  kafka.onProduce = (record, onDelivery) => {
    kafka.produced.length = 0;
    onDelivery(undefined);
    const headers = { kafka_correlationId: headerOf(record, 'kafka_correlationId') ?? '' };
    const reply = () => kafka.arrive(receivedRecord({ headers, value: record.value }));
    if (held) held.push(reply);
    else setImmediate(reply);
  };
  const holdReplies = () => (held = []);
  const releaseReplies = () => {
    const replies = held ?? [];
    held = undefined;
    for (const reply of replies) reply();
  };

  const end = (plugin: string, config: object) =>
    new ProtocolEnd({ plugin, socket: socketOf(plugin), config });
  const startWorker = async (producer: object, consumer: object = {}): Promise<Worker> => {
    const worker = { producer: end(PRODUCER.name, producer), consumer: end(CONSUMER.name, consumer) };
    await worker.producer.startInstance();
    await worker.consumer.startInstance();
    return worker;
  };
  const leases = () => kafka.acquired.length - kafka.released;
  const channels = () => (requestReply.status().reply_channels as unknown[]).length;
  /** Everything that an update could leave behind. */
  const left = () => ({
    instances: servers.map((server) => server.status().instances),
    openEvents: servers.map((server) => server.status().open_events),
    leases: leases(),
    channels: channels(),
    followers: kafka.followed.get('replies')?.length ?? 0,
    timers: clock.pendingTimers,
    inFlight: requestReply.inFlight,
    notHandedOver: requestReply.status().not_handed_over,
    fileDescriptors: readdirSync('/proc/self/fd').length,
  });
  return { clock, servers, startWorker, holdReplies, releaseReplies, leases, channels, left };
}

/** One request through both plugins; resolves when its answer is there. */
function request({ producer, consumer }: Worker): Promise<void> {
  const nonce = nextNonce();
  return new Promise((resolve, reject) => {
    producer.run(nonce, (refusal) => {
      if (refusal) {
        reject(new Error(`the producer answered ${refusal.status}: ${refusal.body.toString()}`));
        return;
      }
      consumer.run(nonce, (exit) => {
        if (exit && exit.status === 200 && nonceOf(exit.body) === nonce) resolve();
        else reject(new Error(`the consumer answered ${exit?.status}: ${exit?.body.toString()}`));
      });
    });
  });
}

/** Without compiled code, of which there is always more. */
function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) collect();
  const code = getHeapCodeStatistics();
  return process.memoryUsage().heapUsed - code.code_and_metadata_size - code.bytecode_and_metadata_size;
}

test('ten thousand renewed instances leave clients, descriptors, timers and memory as they were', async (t) => {
  const { clock, servers, startWorker, holdReplies, releaseReplies, left } = await serveBoth(t);
  const workers = [await startWorker(producerConfig()), await startWorker(producerConfig())];
  // Most updates change other plugins. Every tenth is one of ours, every hundredth its connection, too.
  const configOf = (update: number) =>
    producerConfig({
      max_in_flight: 1000 + Math.floor(update / 10),
      cluster_name: `cluster-${Math.floor(update / 100)}`,
    });

  let updates = 0;
  let renewed = 0;
  const updateOnce = async () => {
    const old = configOf(updates++);
    const worker = workers[updates % workers.length]!;
    // Waits across the end of its instance, as Kong never tells one from the other.
    holdReplies();
    const waiting = request(worker);
    await eventually(() => servers[1]!.openEventCount === 1, 'the request does not wait');
    // A request from before the change brings the old configuration back once more.
    const order = updates % 10 === 0 ? [configOf(updates), old, configOf(updates)] : [configOf(updates)];
    for (const config of order) {
      await worker.producer.renewInstance(config);
      await worker.consumer.renewInstance({});
      renewed += 2;
    }
    releaseReplies();
    await waiting;
    await request(worker);
    clock.advance(100);
  };
  const rest = async () => {
    for (const { producer, consumer } of workers) {
      // The other worker hears of the last change, too.
      await producer.renewInstance(configOf(updates));
      producer.closeIdle();
      consumer.closeIdle();
    }
    await eventually(
      () => servers.every((server) => server.status().connections === 0),
      'connections are left',
    );
    clock.advance(2 * LINGER_MS);
    return { left: left(), heapBytes: heapAfterCollection() };
  };

  while (renewed < 5000) await updateOnce();
  const before = await rest();
  while (renewed < 10_000) await updateOnce();
  const after = await rest();
  assert.deepEqual(after.left, before.left);
  assert.deepEqual(after.left.instances, [2, 2]);
  assert.deepEqual([after.left.leases, after.left.channels], [1, 1]);
  assert.deepEqual([after.left.inFlight, after.left.notHandedOver], [0, 0]);
  const growth = after.heapBytes / before.heapBytes - 1;
  t.diagnostic(`heap ${before.heapBytes} -> ${after.heapBytes} bytes, ${(growth * 100).toFixed(1)} %`);
  assert.ok(growth <= 0.05, `the heap grew by ${(growth * 100).toFixed(1)} %`);
});

test('equal configurations share one client across workers, routes and versions; others with the same brokers do not', async (t) => {
  const { clock, servers, startWorker, leases, channels } = await serveBoth(t);
  const workers = [await startWorker(producerConfig()), await startWorker(producerConfig())];
  const [first] = workers;
  assert.deepEqual([leases(), channels()], [1, 1]);
  await first!.producer.renewInstance(producerConfig());
  assert.deepEqual([leases(), channels()], [1, 1], 'the same configuration once more');
  // Kong adds its own members, which say nothing about the plugin.
  await first!.producer.renewInstance({ ...producerConfig(), __seq__: 7, route_id: 'another route' });
  assert.deepEqual([leases(), channels()], [1, 1]);
  await first!.producer.renewInstance(producerConfig({ max_in_flight: 7 }));
  assert.deepEqual([leases(), channels()], [2, 2], 'another limit');
  await first!.producer.renewInstance(producerConfig());
  clock.advance(LINGER_MS);
  assert.deepEqual([leases(), channels()], [1, 1], 'the changed one is gone after a while');
  for (const server of servers) server.close();
  clock.advance(LINGER_MS);
  assert.deepEqual([leases(), channels()], [0, 0]);
});
