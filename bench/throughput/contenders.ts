/**
 * The things that are measured. Each is a row: a new one needs nothing else, and a plugin of ours only its folder and a
 * configuration. All but the empty one stand around the same broker and responder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startChild } from '../../dev/child-process';
import { StubRegistry } from '../../dev/registry/stub-registry';
import type { KongOptions, PluginSocket } from '../load/kong-events';
import type { Load, LoadResult } from '../load/load';
import type { Drivers } from './drivers';
import type { FloorOptions } from './floor';

export interface Contender {
  /** The processes that do the work which is measured. */
  readonly processIds: readonly number[];
  /** Of the process that makes the load; absent where the thing itself does. */
  readonly driverId?: number;
  run(load: Load): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** What runs a plugin server of ours. */
export interface NodeCommand {
  /** Default: the node that runs this. */
  readonly program?: string;
  readonly flags: readonly string[];
}

/** What a contender is started with. */
export interface Place {
  /** How it is called in the report: the same contender may stand there twice, of two builds. */
  readonly label: string;
  /** Folder of compiled files. */
  readonly dist: string;
  /** Default: the node that runs this, without flags. */
  readonly node?: NodeCommand | undefined;
  readonly drivers: Drivers;
  readonly kafka: FloorOptions;
}

interface ContenderRow {
  readonly says: string;
  /** Needs no topics, and an open loop would tell nothing about it. */
  readonly withoutKafka?: true;
  /** Takes part only where it is named. */
  readonly onlyWhenAsked?: true;
  /** A plugin server of ours, with these plugins: that of another build which has them can be put beside it. */
  readonly ofBuild?: readonly ServedPlugin[];
  readonly start: (place: Place) => Promise<Contender>;
}

/** A plugin in our plugin server. */
export interface ServedPlugin {
  readonly name: string;
  /** Under the folder of compiled files. */
  readonly folder: string;
  readonly config?: (kafka: FloorOptions) => object;
  /** Default: access. */
  readonly phase?: string;
}

const PRODUCER: ServedPlugin = {
  name: 'custom_kafka_producer',
  folder: 'plugins/custom_kafka_producer',
  config: producerConfig,
};
const CONSUMER: ServedPlugin = { name: 'custom_kafka_consumer', folder: 'plugins/custom_kafka_consumer' };
const PAIR = [PRODUCER, CONSUMER];
const ONE_EVENT: readonly ServedPlugin[] = [
  {
    name: 'custom_kafka_request_reply',
    folder: 'plugins/custom_kafka_request_reply',
    config: producerConfig,
  },
];

/** Into the topic that nobody reads. */
const LOG: ServedPlugin = {
  name: 'custom_kafka_log',
  folder: 'plugins/custom_kafka_log',
  config: (kafka) => ({ bootstrap_servers: brokers(kafka), topic: kafka.replyTopic }),
  phase: 'log',
};

/** Marks, and none of the requests fails: the record topic is never written. */
const FAILOVER: ServedPlugin = {
  name: 'custom_kafka_failover',
  folder: 'plugins/custom_kafka_failover',
  config: (kafka) => ({
    bootstrap_servers: brokers(kafka),
    topic: kafka.replyTopic,
    breaker: { failures: 5 },
  }),
};

const ROWS = {
  floor: { says: 'two bare processes: produce, read the reply', start: startFloor },
  server: {
    says: 'plugin server, ProtoBuf:1, producer and consumer, behind a driver that plays Kong',
    ofBuild: PAIR,
    start: pluginServer(PAIR),
  },
  'one-event': {
    says: 'the same with the one plugin that is both: one event of Kong for each request',
    ofBuild: ONE_EVENT,
    start: pluginServer(ONE_EVENT),
  },
  avro: {
    says: 'producer and consumer with a schema registry: requests are encoded in Avro, replies decoded',
    onlyWhenAsked: true,
    start: startAvro,
  },
  stock: {
    says: "Kong's stock kong-js-pluginserver, MsgPack:1, producer and consumer, same kind of driver",
    start: startStockServer,
  },
  empty: {
    says: "plugin server and driver with two plugins that do nothing: what Kong's protocol costs here, without Kafka",
    withoutKafka: true,
    start: pluginServer([emptyPlugin('producer'), emptyPlugin('consumer')]),
  },
  log: {
    says: 'empty, with the event of custom_kafka_log between the two: what is more is its price. Only when asked for',
    onlyWhenAsked: true,
    start: pluginServer([emptyPlugin('producer'), LOG, emptyPlugin('consumer')]),
  },
  failover: {
    says: 'empty, with the event of custom_kafka_failover between the two. Only when asked for',
    onlyWhenAsked: true,
    start: pluginServer([emptyPlugin('producer'), FAILOVER, emptyPlugin('consumer')]),
  },
} satisfies Record<string, ContenderRow>;

export type ContenderName = keyof typeof ROWS;

export const CONTENDERS: Readonly<Record<ContenderName, ContenderRow>> = ROWS;
export const CONTENDER_NAMES = Object.keys(ROWS) as ContenderName[];
export const USUAL_CONTENDER_NAMES = CONTENDER_NAMES.filter((name) => !CONTENDERS[name].onlyWhenAsked);
export const BUILD_CONTENDER_NAMES = CONTENDER_NAMES.filter((name) => CONTENDERS[name].ofBuild);

/** Topics of its own for each, or every reader would pay for the others' replies. */
export function topicsOf(label: string): { requestTopic: string; replyTopic: string } {
  return { requestTopic: `bench.${label}.requests`, replyTopic: `bench.${label}.replies` };
}

async function startFloor({ label, drivers, kafka }: Place): Promise<Contender> {
  const floor = await drivers.start('throughput/floor');
  await floor.connect(label, kafka);
  return {
    processIds: [floor.pid],
    run: (load) => floor.run(label, load),
    stop: () => floor.stop(),
  };
}

/** One process with these plugins, which meet each request in this order. */
function pluginServer(plugins: readonly ServedPlugin[]): ContenderRow['start'] {
  return async ({ label, dist, node = { flags: [] }, drivers, kafka }) => {
    const folder = await mkdtemp(join(tmpdir(), 'plugin-server-'));
    const socketOf = (name: string) => join(folder, `${name}.sock`);
    const flags = plugins.flatMap(({ name, folder: path }) => [
      '--plugin',
      `${join(dist, path)}=${socketOf(name)}`,
    ]);
    const program = join(dist, 'pluginserver', 'main.js');
    const server = await startChild(label, [...node.flags, program, ...flags], {
      readyWhen: /"serving"/,
      ...(node.program === undefined ? {} : { command: node.program }),
    });
    const driver = await drivers.shared('load/kong-protobuf');
    const sockets = plugins.map(({ name, config, phase }): PluginSocket => ({
      plugin: name,
      ...(phase && { phase }),
      socket: socketOf(name),
      config: config?.(kafka) ?? {},
    }));
    await driver.connect(label, { plugins: sockets } satisfies KongOptions);
    return {
      processIds: [server.pid],
      driverId: driver.pid,
      run: (load) => driver.run(label, load),
      stop: async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
}

/** The schema of the bodies that are sent. */
const BODY_SCHEMA = {
  type: 'record',
  name: 'Body',
  fields: [
    { name: 'nonce', type: 'string' },
    { name: 'item', type: 'string' },
  ],
};

async function startAvro(place: Place): Promise<Contender> {
  const registry = await StubRegistry.start();
  const { requestTopic } = place.kafka;
  registry.add(1, { schema: JSON.stringify(BODY_SCHEMA) }, { subject: `${requestTopic}-value` });
  const schema_registry = { confluent: { url: registry.url } };
  const contender = await pluginServer([
    { ...PRODUCER, config: (kafka) => ({ ...producerConfig(kafka), schema_registry }) },
    { ...CONSUMER, config: () => ({ schema_registry }) },
  ])(place);
  return {
    ...contender,
    stop: async () => {
      await contender.stop();
      await registry.stop();
    },
  };
}

/** Two processes, as Kong runs two entries: the stock server knows no way to serve two sockets. */
async function startStockServer({ label, dist, drivers, kafka }: Place): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), 'stock-server-'));
  const program = join(dirname(require.resolve('kong-pdk/package.json')), 'bin', 'kong-js-pluginserver');
  const plugins = join(dist, 'plugins');
  const start = (socket: string) =>
    startChild('stock server', [program, '-d', plugins, '-p', folder, '--sock-name', socket], {
      readyWhen: /server started/,
    });
  const [producer, consumer] = await Promise.all([start('producer.sock'), start('consumer.sock')]);
  const driver = await drivers.shared('throughput/kong-msgpack');
  await driver.connect(label, {
    plugins: [
      { plugin: PRODUCER.name, socket: join(folder, 'producer.sock'), config: producerConfig(kafka) },
      {
        plugin: CONSUMER.name,
        socket: join(folder, 'consumer.sock'),
        config: { bootstrap_servers: brokers(kafka), topic: kafka.replyTopic },
      },
    ],
  } satisfies KongOptions);
  return {
    processIds: [producer.pid, consumer.pid],
    driverId: driver.pid,
    run: (load) => driver.run(label, load),
    stop: async () => {
      await Promise.all([producer.stop(), consumer.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function emptyPlugin(half: 'producer' | 'consumer'): ServedPlugin {
  return { name: `empty_${half}`, folder: `bench/throughput/empty-plugins/${half}` };
}

function producerConfig(kafka: FloorOptions): object {
  return { bootstrap_servers: brokers(kafka), topic: kafka.requestTopic, reply_topic: kafka.replyTopic };
}

function brokers({ bootstrapServers }: FloorOptions): { host: string; port: number }[] {
  return bootstrapServers.map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
}
