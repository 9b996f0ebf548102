/** The things that are measured, all but the empty one around the same broker and responder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startChild } from '../../dev/child-process';
import { PluginServerProcess } from '../../dev/stack';
import type { Load, LoadResult } from '../load/closed-loop';
import type { FloorOptions } from './floor';
import type { KongOptions } from '../load/kong-events';
import { LoadProcess } from '../load/load-process';

export const CONTENDER_NAMES = ['floor', 'server', 'stock', 'empty'] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

export const DESCRIPTIONS: Record<ContenderName, string> = {
  floor: 'two bare processes: produce, read the reply',
  server: 'plugin server, ProtoBuf:1, behind a driver that plays Kong',
  stock: "Kong's stock kong-js-pluginserver, MsgPack:1, same plugins, same kind of driver",
  empty:
    "plugin server and driver with two plugins that do nothing: what Kong's protocol costs here, without Kafka",
};

export interface Contender {
  readonly name: ContenderName;
  /** The processes whose CPU and memory count; the driver's do not, except where it is the thing itself. */
  readonly processIds: readonly number[];
  readonly driverId?: number;
  run(load: Load): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Topics of its own for each, or every reader would pay for the others' replies. */
export function topicsOf(name: ContenderName): { requestTopic: string; replyTopic: string } {
  return { requestTopic: `bench.${name}.requests`, replyTopic: `bench.${name}.replies` };
}

export function startContender(name: ContenderName, bootstrapServers: readonly string[]): Promise<Contender> {
  const target: FloorOptions = { bootstrapServers, ...topicsOf(name) };
  switch (name) {
    case 'floor':
      return startFloor(target);
    case 'server':
      return startPluginServer(target);
    case 'stock':
      return startStockServer(target);
    case 'empty':
      return startEmptyPlugins();
  }
}

async function startFloor(target: FloorOptions): Promise<Contender> {
  const floor = await LoadProcess.start('throughput/floor', target);
  return {
    name: 'floor',
    processIds: [floor.pid],
    run: (load) => floor.run(load),
    stop: () => floor.stop(),
  };
}

async function startPluginServer(target: FloorOptions): Promise<Contender> {
  const server = await PluginServerProcess.start();
  const driver = await LoadProcess.start('load/kong-protobuf', {
    producer: {
      plugin: 'custom_kafka_producer',
      socket: server.socketOf('custom_kafka_producer'),
      config: producerConfig(target),
    },
    consumer: {
      plugin: 'custom_kafka_consumer',
      socket: server.socketOf('custom_kafka_consumer'),
      config: {},
    },
  } satisfies KongOptions);
  return {
    name: 'server',
    processIds: [server.child.pid],
    driverId: driver.pid,
    run: (load) => driver.run(load),
    stop: async () => {
      await driver.stop();
      await server.stop();
    },
  };
}

/** Two processes, as Kong runs two entries: the stock server knows no way to serve two sockets. */
async function startStockServer(target: FloorOptions): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), 'stock-server-'));
  const program = join(dirname(require.resolve('kong-pdk/package.json')), 'bin', 'kong-js-pluginserver');
  const plugins = join(__dirname, '..', '..', 'plugins');
  const start = (socket: string) =>
    startChild('stock server', [program, '-d', plugins, '-p', folder, '--sock-name', socket], {
      readyWhen: /server started/,
    });
  const [producer, consumer] = await Promise.all([start('producer.sock'), start('consumer.sock')]);
  const driver = await LoadProcess.start('throughput/kong-msgpack', {
    producer: {
      plugin: 'custom_kafka_producer',
      socket: join(folder, 'producer.sock'),
      config: producerConfig(target),
    },
    consumer: {
      plugin: 'custom_kafka_consumer',
      socket: join(folder, 'consumer.sock'),
      config: { bootstrap_servers: brokers(target), topic: target.replyTopic },
    },
  } satisfies KongOptions);
  return {
    name: 'stock',
    processIds: [producer.pid, consumer.pid],
    driverId: driver.pid,
    run: (load) => driver.run(load),
    stop: async () => {
      await driver.stop();
      await Promise.all([producer.stop(), consumer.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startEmptyPlugins(): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), 'empty-plugins-'));
  const end = (half: 'producer' | 'consumer') => ({
    plugin: `empty_${half}`,
    socket: join(folder, `${half}.sock`),
    config: {},
  });
  const [producer, consumer] = [end('producer'), end('consumer')];
  const flags = [producer, consumer].flatMap(({ plugin, socket }) => [
    '--plugin',
    `${join(__dirname, 'empty-plugins', plugin.replace('empty_', ''))}=${socket}`,
  ]);
  const server = await startChild(
    'plugin server',
    [join(__dirname, '..', '..', 'pluginserver', 'main.js'), ...flags],
    {
      readyWhen: /"listening".*empty_consumer/,
    },
  );
  const driver = await LoadProcess.start('load/kong-protobuf', { producer, consumer } satisfies KongOptions);
  return {
    name: 'empty',
    processIds: [server.pid],
    driverId: driver.pid,
    run: (load) => driver.run(load),
    stop: async () => {
      await driver.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function producerConfig(target: FloorOptions): object {
  return { bootstrap_servers: brokers(target), topic: target.requestTopic, reply_topic: target.replyTopic };
}

function brokers({ bootstrapServers }: FloorOptions): { host: string; port: number }[] {
  return bootstrapServers.map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
}
