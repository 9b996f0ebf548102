/** Kafka clients that somebody watches: what is sent and what comes, with the times. Otherwise they are as they were. */
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import type { OnDelivery } from '../../bridge/kafka/producer';
import type { FollowOptions } from '../../bridge/kafka/reader';
import { costOf, type OutgoingRecord, type ReceivedRecord } from '../../bridge/kafka/records';
import type { ClientPool, Lease } from '../../bridge/link';

export interface SentRecord {
  readonly record: OutgoingRecord;
  readonly atMs: number;
  /** When the brokers had it; undefined as long as nobody knows. */
  acknowledgedAtMs: number | undefined;
}

export interface SeenRecord {
  readonly record: ReceivedRecord;
  readonly atMs: number;
}

/** Of records of other requests, among which the reply may be: the last ones. */
const KEPT_BYTES = 64 * 1024 * 1024;

export class ObservedClients implements ClientPool {
  readonly sent: SentRecord[] = [];
  readonly #seen: SeenRecord[] = [];
  #seenBytes = 0;

  /** @param connection instead of that of the configuration */
  constructor(
    private readonly clients: ClientPool,
    private readonly connection?: ConnectionOptions,
  ) {}

  acquire(key: string, configured: ConnectionOptions): Lease {
    const connection = this.connection && { ...this.connection, produce: configured.produce };
    const lease = this.clients.acquire(key, connection ?? configured);
    const { producer, reader } = lease;
    return {
      producer: {
        get state() {
          return producer.state;
        },
        get reason() {
          return producer.reason;
        },
        whenUp: () => producer.whenUp(),
        produce: (record, onDelivery, options) =>
          this.#produce(record, onDelivery, (observed) => producer.produce(record, observed, options)),
      },
      reader: {
        follow: (topic, options: FollowOptions) =>
          reader.follow(topic, {
            ...options,
            onRecord: (record) => {
              this.#note(record);
              options.onRecord(record);
            },
          }),
      },
      keepTopic: (kept) => lease.keepTopic(kept),
      wanted: () => lease.wanted(),
      release: () => lease.release(),
    };
  }

  /** As it came, where it is among the last ones. */
  seenAt(topic: string, partition: number, offset: number): SeenRecord | undefined {
    return this.#seen.find(
      ({ record }) => record.topic === topic && record.partition === partition && record.offset === offset,
    );
  }

  close(): Promise<void> {
    return this.clients.close();
  }

  status(): unknown {
    return this.clients.status();
  }

  figures(): ReturnType<ClientPool['figures']> {
    return this.clients.figures();
  }

  #produce(record: OutgoingRecord, onDelivery: OnDelivery, produce: (observed: OnDelivery) => void): void {
    const sent: SentRecord = { record, atMs: performance.now(), acknowledgedAtMs: undefined };
    produce((error) => {
      if (error === undefined) sent.acknowledgedAtMs = performance.now();
      onDelivery(error);
    });
    this.sent.push(sent);
  }

  #note(record: ReceivedRecord): void {
    this.#seen.push({ record, atMs: performance.now() });
    this.#seenBytes += costOf(record);
    while (this.#seenBytes > KEPT_BYTES && this.#seen.length > 1)
      this.#seenBytes -= costOf(this.#seen.shift()!.record);
  }
}
