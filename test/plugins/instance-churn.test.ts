/**
 * Kong renews all instances of a plugin whenever any plugin changes, in each of its workers, and now and then goes back
 * to the old configuration for a moment. None of that may leave anything behind.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
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
/** Longer than an instance stays after its end. */
const RETIRED_MS = 10_001;

interface Worker {
  readonly producer: ProtocolEnd;
  readonly consumer: ProtocolEnd;
}

function producerConfig(options: object = {}): object {
  return { bootstrap_servers: SERVERS, topic: 'orders', reply_topic: 'replies', ...options };
}

/** Both plugins on real sockets and a cluster in memory that answers at once, or when a test says so. */
async function serveBoth(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
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
  /** The cluster in memory notes the name of each client that it was asked for. */
  const forgetNames = () => kafka.acquired.fill('');
  /** Instances that Kong has closed go when nobody has used them for some seconds. */
  const closeRetired = () => {
    t.mock.timers.tick(RETIRED_MS);
    for (const server of servers) server.onTick();
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
  return {
    clock,
    servers,
    startWorker,
    holdReplies,
    releaseReplies,
    forgetNames,
    closeRetired,
    leases,
    channels,
    left,
  };
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
async function heapAfterCollection(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let smallest = Infinity;
  for (let round = 0; round < 5; round++) {
    collect();
    const code = getHeapCodeStatistics();
    const bytes =
      process.memoryUsage().heapUsed - code.code_and_metadata_size - code.bytecode_and_metadata_size;
    smallest = Math.min(smallest, bytes);
    // What closes, and what waits to be finalized, needs a turn before it can be collected.
    await turn();
  }
  return smallest;
}

interface Rest {
  readonly renewed: number;
  readonly heapBytes: number;
}

/**
 * The median of what each pair of rests says. The heap of one rest can be some hundred kilobytes off, by what V8 learns of
 * the code and when it forgets it: two rests alone failed now and then for nothing. A leak is in nearly every pair.
 */
function growthPerRenewal(rests: readonly Rest[]): number {
  const slopes = rests.flatMap((from, index) =>
    rests.slice(index + 1).map((to) => (to.heapBytes - from.heapBytes) / (to.renewed - from.renewed)),
  );
  return slopes.sort((a, b) => a - b)[Math.floor(slopes.length / 2)]!;
}

/**
 * V8's own lists still grow for the first ten thousand: measured from 5000 on, it was 31 to 36 bytes per renewal, and once
 * more than is allowed. Over the 30,000 that follow, no object of ours became more, by two snapshots of the heap.
 */
const WARM_UP = 10_000;
const RENEWALS = 20_000;
const RESTS = 6;
/** Seen: 7 to 16. An instance with its configuration is 7000, a forgotten entry in a map about 100. */
const MAX_BYTES_PER_RENEWAL = 50;

test('ten thousand renewed instances leave clients, descriptors, timers and memory as they were', async (t) => {
  const { clock, servers, startWorker, holdReplies, releaseReplies, forgetNames, closeRetired, left } =
    await serveBoth(t);
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
    closeRetired();
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
    closeRetired();
    clock.advance(2 * LINGER_MS);
    forgetNames();
    return { renewed, left: left(), heapBytes: await heapAfterCollection() };
  };

  const rests: (Rest & { readonly left: ReturnType<typeof left> })[] = [];
  for (let number = 0; number < RESTS; number++) {
    const until = WARM_UP + (number / (RESTS - 1)) * (RENEWALS - WARM_UP);
    while (renewed < until) await updateOnce();
    rests.push(await rest());
  }
  const [first] = rests as [(typeof rests)[0]];
  for (const { left } of rests) assert.deepEqual(left, first.left);
  assert.deepEqual(first.left.instances, [2, 2]);
  assert.deepEqual([first.left.leases, first.left.channels], [1, 1]);
  assert.deepEqual([first.left.inFlight, first.left.notHandedOver], [0, 0]);
  const growth = growthPerRenewal(rests);
  t.diagnostic(
    `${growth.toFixed(0)} bytes per renewal, ${rests.map(({ heapBytes }) => heapBytes).join(' ')}`,
  );
  assert.ok(growth <= MAX_BYTES_PER_RENEWAL, `the heap grew by ${growth.toFixed(0)} bytes per renewal`);
});

test('equal configurations share one client across workers, routes and versions; others with the same brokers do not', async (t) => {
  const { clock, servers, startWorker, closeRetired, leases, channels } = await serveBoth(t);
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
  closeRetired();
  clock.advance(LINGER_MS);
  assert.deepEqual([leases(), channels()], [1, 1], 'the changed one is gone after a while');
  for (const server of servers) server.close();
  clock.advance(LINGER_MS);
  assert.deepEqual([leases(), channels()], [0, 0]);
});
