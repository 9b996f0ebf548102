/**
 * A real Apache Kafka (KRaft) of one or three nodes on this machine, for tests and the demo.
 *
 *   const kafka = await startKafka();
 *   ... connect to kafka.bootstrapServers ...
 *   await kafka.stop();
 *
 * The first call ever fetches the jars (see distribution.ts); later ones serve after about a second.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPartitions, createTopic } from '../../bridge/kafka/admin';
import type { TopicLayout } from '../../bridge/kafka/admin';
import { prepareDistribution, randomClusterId } from './distribution';
import type { KafkaDistribution } from './distribution';
import { KafkaNode, recordClassArchive } from './node';
import { temporaryRoot } from './paths';
import { freePorts, isFree } from './ports';
import { LISTENER_NAMES, securityJvmFlags, securityProperties } from './security';
import type { KafkaSecurity, ListenerName } from './security';
import { writeNodeFiles } from './server-files';
import type { NodePlace } from './server-files';

export interface KafkaOptions {
  /** Three combined nodes replicate every topic three times and need two copies in sync. Default 1. */
  readonly nodes?: 1 | 3;
  /** Keeps the data there across runs. By default data live in a temporary folder that goes with the server. */
  readonly dataRoot?: string;
  /** Further lines of server.properties, for example `auto.create.topics.enable`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Port of the first node, the others follow; free ports by default. */
  readonly port?: number;
  /**
   * `start` (default) compiles lightly and serves after about a second. `throughput` lets Java optimise fully, with the
   * memory that it has in production: for measurements, after a warm-up of some 50 000 records.
   */
  readonly optimizeFor?: 'start' | 'throughput';
  /** Further listeners with TLS and logins, and access control. One node only. */
  readonly security?: KafkaSecurity;
}

const JVM_FLAGS = {
  start: ['-XX:TieredStopAtLevel=1'],
  // The heap of Kafka's own start script. With less the pauses of its collections are what is measured.
  throughput: ['-Xms1g', '-Xmx1g'],
} as const;

export class KafkaServer {
  constructor(
    readonly nodes: readonly KafkaNode[],
    private readonly removeFiles: () => Promise<void>,
    private readonly stopSignal: 'SIGTERM' | 'SIGKILL',
    private readonly securePorts: Readonly<Partial<Record<ListenerName, number>>> = {},
  ) {}

  /** "127.0.0.1:port" of a listener of `security`. */
  listener(name: ListenerName): string {
    const port = this.securePorts[name];
    if (port === undefined) throw new Error(`Kafka was started without security: no listener ${name}.`);
    return `127.0.0.1:${port}`;
  }

  /** "127.0.0.1:9092", several nodes separated by commas. */
  get bootstrapServers(): string {
    return this.connection.bootstrapServers.join(',');
  }

  /** The same as options for bridge/kafka. */
  get connection(): { readonly bootstrapServers: readonly string[] } {
    return { bootstrapServers: this.nodes.map((node) => `127.0.0.1:${node.port}`) };
  }

  /** Resolves when the topic can be used; it is no error if it exists already. */
  async createTopic(name: string, layout: TopicLayout = {}): Promise<void> {
    await createTopic(this.connection, name, layout);
  }

  /** @param count the new total */
  async createPartitions(name: string, count: number): Promise<void> {
    await createPartitions(this.connection, name, count);
  }

  /** Idempotent. Nobody needs the data of a temporary server, so that one is simply killed. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop(this.stopSignal)));
    await this.removeFiles();
  }
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const distribution = await fetchKafka();
  const count = options.nodes ?? 1;
  const cluster = await placeNodes(count, options.port);
  const kept = options.dataRoot !== undefined;
  const root = options.dataRoot ?? (await mkdtemp(join(temporaryRoot(), 'kafka-')));
  const clusterId = randomClusterId();
  const securePorts = options.security ? await securityPorts(count) : undefined;
  const nodes: KafkaNode[] = [];
  for (const place of cluster) {
    const folder = join(root, `node-${place.id}`);
    const security =
      options.security &&
      securePorts &&
      (await securityProperties(join(folder, 'security'), options.security, {
        ...securePorts,
        plain: place.port,
        controller: place.controllerPort,
      }));
    const propertiesFile = await writeNodeFiles(folder, place, cluster, {
      formattedDirectory: distribution.formattedDirectory,
      clusterId,
      overrides: { ...security, ...options.properties },
    });
    nodes.push(
      new KafkaNode({
        distribution,
        port: place.port,
        propertiesFile,
        jvmFlags: [
          ...JVM_FLAGS[options.optimizeFor ?? 'start'],
          ...(options.security ? securityJvmFlags(options.security) : []),
        ],
        temporaryFolder: kept ? undefined : root,
      }),
    );
  }
  const server = new KafkaServer(
    nodes,
    async () => {
      if (!kept) await rm(root, { recursive: true, force: true });
    },
    kept ? 'SIGTERM' : 'SIGKILL',
    securePorts,
  );
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** Jars, class archive and formatted directory; at once when they are there. */
export async function fetchKafka(): Promise<KafkaDistribution> {
  return prepareDistribution(recordArchive);
}

async function recordArchive(distribution: KafkaDistribution, file: string): Promise<void> {
  const root = await mkdtemp(join(temporaryRoot(), 'kafka-archive-'));
  try {
    const [place] = await placeNodes(1, undefined);
    if (place === undefined) throw new Error('A cluster of one node has one place.');
    const propertiesFile = await writeNodeFiles(root, place, [place], {
      formattedDirectory: distribution.formattedDirectory,
      clusterId: randomClusterId(),
    });
    await recordClassArchive({ distribution, port: place.port, propertiesFile }, file);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function securityPorts(nodes: number): Promise<Record<ListenerName, number>> {
  if (nodes !== 1) throw new Error('Kafka with security has one node.');
  const ports = await freePorts(LISTENER_NAMES.length);
  return Object.fromEntries(LISTENER_NAMES.map((name, index) => [name, ports[index]])) as Record<
    ListenerName,
    number
  >;
}

async function placeNodes(count: number, firstPort: number | undefined): Promise<NodePlace[]> {
  const ports = await freePorts(2 * count);
  const places: NodePlace[] = [];
  for (let index = 0; index < count; index++) {
    const port = firstPort === undefined ? ports[index] : firstPort + index;
    const controllerPort = ports[count + index];
    if (port === undefined || controllerPort === undefined) throw new Error('Too few free ports.');
    if (firstPort !== undefined && !(await isFree(port))) {
      throw new Error(`Port ${port} is in use: stop what listens there, or choose another port.`);
    }
    places.push({ id: index + 1, port, controllerPort });
  }
  return places;
}
