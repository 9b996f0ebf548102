/** The files of one node: its server.properties and its data directory, copied from the formatted one. */
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomClusterId } from './distribution';

export interface NodePlace {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
}

/** Everything a node needs beyond stock Kafka to be small, quick to start and alone on its machine. */
export function serverProperties(
  node: NodePlace,
  cluster: readonly NodePlace[],
  dataDirectory: string,
  overrides: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const copies = String(cluster.length);
  const enoughInSync = cluster.length > 1 ? '2' : '1';
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': cluster.map((n) => `${n.id}@127.0.0.1:${n.controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDirectory,
    'num.partitions': '4',
    'default.replication.factor': copies,
    'min.insync.replicas': enoughInSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': enoughInSync,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': enoughInSync,
    // Stock Kafka waits 3 s for further members before the first rebalance of a group.
    'group.initial.rebalance.delay.ms': '0',
    // Stock buffers are meant for servers with 128 MB to spare per node and 10 MB per partition index.
    'log.cleaner.dedupe.buffer.size': '8388608',
    'log.index.size.max.bytes': '1048576',
    // A crashed node's old registration stands until its session ends, and the restarted one waits for that: 10.9 s
    // with the stock 9 s. Several nodes keep the stock value: on a busy machine they would fence each other.
    ...(cluster.length === 1
      ? { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '400' }
      : {}),
    ...overrides,
  };
}

/** @returns the path of server.properties */
export async function writeNodeFiles(
  folder: string,
  node: NodePlace,
  cluster: readonly NodePlace[],
  options: {
    formattedDirectory: string;
    clusterId: string;
    overrides?: Readonly<Record<string, string>> | undefined;
  },
): Promise<string> {
  const data = join(folder, 'data');
  await mkdir(folder, { recursive: true });
  // A data directory that is already there belongs to an earlier run whose records shall be kept.
  if (!existsSync(join(data, 'meta.properties'))) {
    await cp(options.formattedDirectory, data, { recursive: true });
    // The formatted directory is node 1 of some cluster; identity is these four lines and nothing else.
    await writeFile(
      join(data, 'meta.properties'),
      `version=1\ncluster.id=${options.clusterId}\nnode.id=${node.id}\ndirectory.id=${randomDirectoryId()}\n`,
    );
  }
  const file = join(folder, 'server.properties');
  const lines = Object.entries(serverProperties(node, cluster, data, options.overrides));
  await writeFile(file, lines.map(([name, value]) => `${name}=${value}\n`).join(''));
  return file;
}

/** Same form as a cluster id. The all-zero and all-one ids are reserved; a random UUID is neither. */
function randomDirectoryId(): string {
  return randomClusterId();
}
