/** What one configuration has of Kafka: its share of the clients and, for request-reply, its reply channel. */
import type { Clock } from './clock';
import type { Configuration } from './configuration';
import { GatewayError } from './errors';
import type { ConnectionOptions } from './kafka/connection';
import type { RecordProducer } from './kafka/producer';
import type { TopicReader } from './kafka/reader';
import type { KeptTopic } from './kafka/topic-keeper';
import type { Lingering } from './linger-pool';
import type { ReplyChannel } from './reply/reply-channel';
import type { ClusterReading } from './telemetry/client-metrics';
import type { ConfigurationReading } from './telemetry/request-metrics';

/** How long the first requests after a start wait for Kafka before they are told to come again. */
const FIRST_READY_MS = 3000;
const STEP_MS = 50;

/** What is needed of `KafkaClients`. */
export interface ClientPool {
  acquire(key: string, connection: ConnectionOptions): Lease;
  close(): Promise<void>;
  status(): unknown;
  figures(): readonly ClusterReading[];
}

export interface Lease {
  readonly producer: Pick<RecordProducer, 'state' | 'reason' | 'whenUp' | 'produce'>;
  readonly reader: Pick<TopicReader, 'follow'>;
  keepTopic(kept: KeptTopic): () => void;
  wanted(): void;
  release(): void;
}

/** What it needs of the process it is part of. */
export interface LinkOwner {
  /** @throws GatewayError `draining` */
  refuseWhenDraining(): void;
}

/** Kafka clients and, for request-reply, the channel of one configuration. */
export class Link implements Lingering {
  #readiness: Promise<void> | undefined;
  #mayWait = true;

  constructor(
    private readonly owner: LinkOwner,
    private readonly clock: Clock,
    readonly lease: Lease,
    readonly channel: ReplyChannel | undefined,
    readonly configuration: Configuration,
    private readonly onEnd: () => void = () => undefined,
  ) {}

  get ready(): boolean {
    return this.lease.producer.state === 'up' && (this.channel === undefined || this.channel.ready);
  }

  /** True when requests need not wait; see `whenReady` for those that have to. @throws GatewayError `draining` */
  readyNow(): boolean {
    this.owner.refuseWhenDraining();
    if (!this.ready) return false;
    this.#mayWait = true;
    return true;
  }

  /**
   * Right after a start it waits a little for Kafka; neither for a cluster that is known to be down, nor for what others
   * have waited for in vain since it was last there.
   * @throws GatewayError `not_ready` with the reason, `draining`
   */
  async whenReady(): Promise<void> {
    this.owner.refuseWhenDraining();
    if (!this.ready) this.lease.wanted();
    const deadlineMs = this.clock.now() + FIRST_READY_MS;
    // Looked at in steps, because "down" may become known while we wait.
    while (!this.ready) {
      if (!this.#mayWait || this.lease.producer.state === 'down') throw notReady(this);
      await this.#within(STEP_MS, this.#becomeReady());
      if (this.clock.now() >= deadlineMs) this.#mayWait = false;
    }
    this.#mayWait = true;
    // It may have begun meanwhile.
    this.owner.refuseWhenDraining();
  }

  /** One promise for all who wait: Kafka may be away for hours, and each would be kept until it is back. */
  #becomeReady(): Promise<void> {
    this.#readiness ??= Promise.all([this.lease.producer.whenUp(), this.channel?.whenReady()])
      .then(() => undefined)
      .finally(() => (this.#readiness = undefined));
    return this.#readiness;
  }

  async #within(limitMs: number, promise: Promise<void>): Promise<void> {
    let cancel = (): void => undefined;
    const limit = new Promise<void>((resolve) => (cancel = this.clock.after(limitMs, resolve)));
    await Promise.race([promise, limit]).finally(cancel);
  }

  /** For the status page. */
  status(): Record<string, unknown> {
    const { ready, channel, configuration } = this;
    const { topic, replyTopic, cluster, activity } = configuration;
    return {
      topic,
      reply_topic: replyTopic,
      cluster,
      ready,
      reason: ready ? undefined : notReady(this).detail,
      in_flight: channel?.inFlight ?? 0,
      max_in_flight: channel?.capacity,
      ...activity.status(),
      hints: channel?.topic.hints.recent ?? [],
    };
  }

  mayEnd(): boolean {
    return this.channel === undefined || this.channel.inFlight === 0;
  }

  /** For the metrics. */
  figures(): ConfigurationReading {
    const { configuration, ready, channel } = this;
    return {
      metrics: configuration.metrics,
      ready,
      inFlight: channel?.inFlight ?? 0,
      capacity: channel?.capacity,
    };
  }

  end(): void {
    this.channel?.close(new GatewayError('draining', 'the reply channel is closed'));
    this.onEnd();
    this.lease.release();
  }
}

export function notReady({ lease, channel }: Link): GatewayError {
  const reason =
    (lease.producer.state === 'up' ? channel?.reason : lease.producer.reason) ?? 'still connecting';
  return new GatewayError('not_ready', reason);
}
