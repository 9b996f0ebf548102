/**
 * Reads topics, every partition or a chosen one, without a consumer group, so that no rebalance delays or loses a reply.
 *
 * One consumer serves all followed topics of a cluster. It is only there once something is followed. Questions about
 * topics go to the producer: on the consumer's own connection they would queue behind the pending fetch.
 */
import type { ReaderReading } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import { createTopic, type TopicLayout } from './admin';
import type { TopicPartitionOffset } from './binding';
import type { ConnectionOptions, ConsumerTuning } from './connection';
import { ConsumerSession } from './consumer-session';
import type { FollowedTopic, FollowOptions } from './follower';
import { closedError } from './managed-client';
import type { RecordProducer } from './producer';
import { ReadRights } from './read-rights';
import type { ReceivedRecord } from './records';
import { TopicFeed } from './topic-feed';

export type { FollowedTopic, FollowOptions, PartitionChoice } from './follower';

/** New partitions shall be read within 10 s; a metadata request per topic every 5 s costs next to nothing. */
const CHECK_PARTITIONS_EVERY_MS = 5000;
/** After a check that did not find a topic: whoever waits for a reply on it shall not wait in vain for long. */
const CHECK_AGAIN_MS = 500;

export class TopicReader {
  readonly #connection: ConnectionOptions;
  readonly #producer: RecordProducer;
  readonly #tuning: ConsumerTuning;
  /** By topic; more than one where followers want different partitions. */
  readonly #feeds = new Map<string, Map<string, TopicFeed>>();
  readonly #rights: ReadRights;
  #session: ConsumerSession | undefined;
  #checkTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(connection: ConnectionOptions, producer: RecordProducer, tuning: ConsumerTuning = {}) {
    this.#connection = connection;
    this.#producer = producer;
    this.#tuning = tuning;
    this.#rights = new ReadRights({ connection, tuning, feeds: () => this.#all() });
  }

  /**
   * Several followers of a topic share its position: a further one that follows from the end is ready at once. Where
   * some want one partition and others all, a record may reach a follower twice.
   * @throws GatewayError not_ready when closed
   */
  follow(topic: string, options: FollowOptions): FollowedTopic {
    if (this.#closing) throw closedError('reader');
    const session = this.#openSession();
    const { partition, create } = options;
    const ofTopic = this.#feeds.get(topic) ?? new Map<string, TopicFeed>();
    const key = partition === undefined ? 'all' : `${partition.number} ${partition.wraps}`;
    let feed = ofTopic.get(key);
    if (!feed) {
      feed = new TopicFeed(
        { topic, partition, create: create && (() => this.#create(topic, create)) },
        this.#producer,
        session,
      );
      this.#feeds.set(topic, ofTopic.set(key, feed));
    }
    const followed = feed;
    return feed.add(options, () => this.#dropUnused(topic, key, followed));
  }

  /** See RecordProducer. */
  wanted(): void {
    this.#session?.wanted();
  }

  /** Stops the loop and every follower. Idempotent, within a few seconds even when the cluster is away. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  status(): Record<string, unknown> {
    return {
      ...(this.#session?.status() ?? { state: 'unused' }),
      topics: this.#all().map((feed) => ({
        topic: feed.topic,
        partition: feed.partition,
        reading: feed.reading,
        reason: feed.reason,
        partitions: feed.partitions,
        followers: feed.followers,
      })),
    };
  }

  /** For the metrics; undefined while nothing is read. */
  figures(): ReaderReading | undefined {
    return this.#session && { ...this.#session.figures(), topics: this.#all().map((feed) => feed.figures()) };
  }

  async #close(): Promise<void> {
    clearTimeout(this.#checkTimer);
    for (const feed of this.#all()) feed.end();
    await Promise.all([this.#session?.close(), this.#rights.close()]);
  }

  #openSession(): ConsumerSession {
    if (this.#session) return this.#session;
    this.#session = new ConsumerSession({
      name: 'reply reader',
      connection: this.#connection,
      tuning: this.#tuning,
      assignment: () => this.#assignment(),
      onRecord: (record) => this.#deliver(record),
      onChange: () => {
        for (const feed of this.#all()) feed.wake();
      },
      onRefused: () => this.#rights.suspect(),
      // The same cluster and login: where the producer gets no connection the reader would only cost as much again.
      promising: () => (this.#producer.state === 'up' ? undefined : this.#producer.whenUp()),
    });
    this.#checkLater();
    return this.#session;
  }

  #deliver(record: ReceivedRecord): void {
    // Between a stop and the next assign records of the dropped topic still come.
    const feeds = this.#feeds.get(record.topic);
    if (feeds) for (const feed of feeds.values()) feed.deliver(record);
  }

  /** Of a partition that two feeds want, the earlier offset. */
  #assignment(): TopicPartitionOffset[] {
    const assignment = new Map<string, TopicPartitionOffset>();
    for (const offset of this.#all().flatMap((feed) => feed.offsets())) {
      const key = `${offset.partition} ${offset.topic}`;
      if (offset.offset < (assignment.get(key)?.offset ?? Infinity)) assignment.set(key, offset);
    }
    return [...assignment.values()];
  }

  #all(): TopicFeed[] {
    return [...this.#feeds.values()].flatMap((feeds) => [...feeds.values()]);
  }

  async #create(topic: string, layout: TopicLayout): Promise<void> {
    if (await createTopic(this.#connection, topic, layout)) log.info('kafka topic created', { topic });
  }

  #dropUnused(topic: string, key: string, feed: TopicFeed): void {
    const ofTopic = this.#feeds.get(topic);
    if (feed.followers > 0 || ofTopic?.get(key) !== feed) return;
    ofTopic.delete(key);
    if (ofTopic.size === 0) this.#feeds.delete(topic);
    feed.end();
    // Rejected only by a close, and then nothing is read any more.
    if (!this.#closing) this.#session?.reassign().catch(() => undefined);
  }

  #checkLater(): void {
    const soon = this.#all().some((feed) => feed.doubtful);
    this.#checkTimer = setTimeout(
      () => void this.#check(),
      soon ? CHECK_AGAIN_MS : CHECK_PARTITIONS_EVERY_MS,
    );
  }

  async #check(): Promise<void> {
    for (const feed of this.#all()) {
      try {
        await feed.checkPartitions();
      } catch (error) {
        // The cluster is away; the next check comes anyway.
        log.debug('partitions not checked', { topic: feed.topic, error });
      }
    }
    if (!this.#closing) this.#checkLater();
  }
}
