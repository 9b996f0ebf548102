/** What one configuration has of Kafka: its share of the clients and, for request-reply, its reply channel. */
import { GatewayError } from './errors';
import type { ConnectionOptions } from './kafka/connection';
import type { RecordProducer } from './kafka/producer';
import type { TopicReader } from './kafka/reader';
import type { KeptTopic } from './kafka/topic-keeper';
import type { Lingering } from './linger-pool';
import type { ReplyChannel } from './reply/reply-channel';

/** How long the first requests after a start wait for Kafka before they are told to come again. */
const FIRST_READY_MS = 3000;

/** What is needed of `KafkaClients`. */
export interface ClientPool {
  acquire(key: string, connection: ConnectionOptions): Lease;
  close(): Promise<void>;
  status(): unknown;
}

export interface Lease {
  readonly producer: Pick<RecordProducer, 'state' | 'reason' | 'whenUp' | 'produce'>;
  readonly reader: Pick<TopicReader, 'follow'>;
  keepTopic(kept: KeptTopic): () => void;
  release(): void;
}

/** Kafka clients and, for request-reply, the channel of one configuration. */
export class Link implements Lingering {
  constructor(
    readonly lease: Lease,
    readonly channel: ReplyChannel | undefined,
    private readonly stopKeeping: () => void = () => undefined,
  ) {}

  get ready(): boolean {
    return this.lease.producer.state === 'up' && (this.channel === undefined || this.channel.ready);
  }

  mayEnd(): boolean {
    return this.channel === undefined || this.channel.inFlight === 0;
  }

  end(): void {
    this.channel?.close(new GatewayError('draining', 'the reply channel is closed'));
    this.stopKeeping();
    this.lease.release();
  }
}

/** Waits for Kafka, though not for a cluster that is known to be down. @throws GatewayError `not_ready` */
export async function becomeReady(link: Link): Promise<void> {
  const { producer } = link.lease;
  const failWhenDown = () => {
    if (producer.state === 'down') throw notReady(link);
  };
  failWhenDown();
  const readiness = Promise.all([producer.whenUp(), link.channel?.whenReady()]).then(() => true);
  const deadlineMs = performance.now() + FIRST_READY_MS;
  // Looked at in steps, because "down" may become known while we wait.
  while (!(await Promise.race([readiness, pause(50)]))) {
    failWhenDown();
    if (performance.now() >= deadlineMs) throw notReady(link);
  }
}

export function notReady({ lease, channel }: Link): GatewayError {
  const reason =
    (lease.producer.state === 'up' ? channel?.reason : lease.producer.reason) ?? 'still connecting';
  return new GatewayError('not_ready', reason);
}

function pause(delayMs: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, delayMs, false));
}
