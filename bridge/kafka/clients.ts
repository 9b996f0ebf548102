/**
 * The Kafka clients of this process, shared by whoever has the same connection.
 *
 * acquire() starts connecting in the background and never fails for a cluster that is away. After the last release
 * the clients stay for a while: a plugin configuration that is replaced comes back with the same key in seconds.
 */
import { bytesInFlight, type BytesInFlight } from '../bytes-in-flight';
import { GatewayError } from '../errors';
import type { ClusterReading } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import { clusterLabel } from './cluster-access';
import type { ConnectionOptions } from './connection';
import { within } from './managed-client';
import { RecordProducer } from './producer';
import { TopicReader } from './reader';
import { TopicKeeper, type KeptTopic } from './topic-keeper';

export interface KafkaClientsOptions {
  /** How long unused clients stay connected. */
  readonly lingerMs?: number;
  /** Where records are counted until they are acknowledged. Default: with all else that the process holds. */
  readonly bytesInFlight?: BytesInFlight | undefined;
}

export interface KafkaLease {
  readonly producer: RecordProducer;
  readonly reader: TopicReader;
  /** See topic-keeper.ts. Until the returned function is called. */
  keepTopic(kept: KeptTopic): () => void;
  /** Somebody has a request for the cluster: where it is away it is looked for with short pauses again. */
  wanted(): void;
  /** Idempotent. */
  release(): void;
}

interface Cluster {
  readonly name: string | undefined;
  readonly label: string;
  readonly bootstrapServers: readonly string[];
  readonly producer: RecordProducer;
  readonly reader: TopicReader;
  leases: number;
  lingerTimer: NodeJS.Timeout | undefined;
}

export const DEFAULT_LINGER_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5000;
/** What the producer gets even when the reader has used up the bound. */
const LEAST_FLUSH_MS = 250;

export class KafkaClients {
  readonly #lingerMs: number;
  readonly #bytesInFlight: BytesInFlight;
  readonly #clusters = new Map<string, Cluster>();
  /** Closes of clusters that nobody leases any more; close() waits for them too. */
  readonly #retiring = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaClientsOptions = {}) {
    this.#lingerMs = options.lingerMs ?? DEFAULT_LINGER_MS;
    this.#bytesInFlight = options.bytesInFlight ?? bytesInFlight;
  }

  /**
   * @param key stands for everything in `connection`: equal keys share their clients
   * @throws GatewayError draining when closed
   */
  acquire(key: string, connection: ConnectionOptions): KafkaLease {
    if (this.#closing) throw new GatewayError('draining', 'The Kafka clients are closed.');
    const cluster = this.#clusters.get(key) ?? this.#open(key, connection);
    clearTimeout(cluster.lingerTimer);
    cluster.leases++;
    let released = false;
    return {
      producer: cluster.producer,
      reader: cluster.reader,
      keepTopic: (kept) => {
        const keeper = new TopicKeeper(kept, cluster.producer, connection);
        return () => keeper.stop();
      },
      wanted: () => {
        cluster.producer.wanted();
        cluster.reader.wanted();
      },
      release: () => {
        if (released) return;
        released = true;
        if (--cluster.leases === 0 && !this.#closing) this.#linger(key, cluster);
      },
    };
  }

  /**
   * Readers first, then producers with what they still hold; resolves within about the bound. Idempotent: a second
   * call shares the first one's bound.
   */
  close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  /** For the status page. Neither keys nor credentials. */
  status(): Array<Record<string, unknown>> {
    return [...this.#clusters.values()].map((cluster) => ({
      name: cluster.name,
      bootstrap_servers: cluster.bootstrapServers,
      leases: cluster.leases,
      producer: cluster.producer.status(),
      reader: cluster.reader.status(),
    }));
  }

  /** For the metrics. */
  figures(): ClusterReading[] {
    return [...this.#clusters.values()].map(({ label, producer, reader }) => ({
      cluster: label,
      producer: producer.figures(),
      reader: reader.figures(),
    }));
  }

  async #close(timeoutMs: number): Promise<void> {
    const clusters = [...this.#clusters.values()];
    this.#clusters.clear();
    await Promise.all([...clusters.map((cluster) => shutDown(cluster, timeoutMs)), ...this.#retiring]);
  }

  #open(key: string, connection: ConnectionOptions): Cluster {
    const producer = new RecordProducer(connection, { bytesInFlight: this.#bytesInFlight });
    const cluster: Cluster = {
      name: connection.clusterName,
      label: clusterLabel(connection),
      bootstrapServers: connection.bootstrapServers,
      producer,
      reader: new TopicReader(connection, producer),
      leases: 0,
      lingerTimer: undefined,
    };
    this.#clusters.set(key, cluster);
    return cluster;
  }

  #linger(key: string, cluster: Cluster): void {
    cluster.lingerTimer = setTimeout(() => {
      this.#clusters.delete(key);
      const closed = shutDown(cluster, CLOSE_TIMEOUT_MS).finally(() => this.#retiring.delete(closed));
      this.#retiring.add(closed);
    }, this.#lingerMs);
  }
}

/** Never rejects. */
async function shutDown(cluster: Cluster, timeoutMs: number): Promise<void> {
  clearTimeout(cluster.lingerTimer);
  const deadline = performance.now() + timeoutMs;
  try {
    // Replies to records still in flight cannot be delivered to anybody any more, so the reader need not wait.
    await within(cluster.reader.close(), timeoutMs);
    await cluster.producer.close(Math.max(deadline - performance.now(), LEAST_FLUSH_MS));
  } catch (error) {
    log.error('kafka clients did not close cleanly', { error });
  }
}
