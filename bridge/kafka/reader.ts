/**
 * Reads whole topics, every partition, without a consumer group, so that no rebalance delays or loses a reply.
 *
 * One consumer serves all followed topics of a cluster. It is only there once something is followed. Questions about
 * topics go to the producer: on the consumer's own connection they would queue behind the pending fetch.
 */
import { log } from '../telemetry/log';
import type { ConnectionOptions, ConsumerTuning } from './connection';
import { ConsumerSession } from './consumer-session';
import { closedError } from './managed-client';
import type { RecordProducer } from './producer';
import { ReadRights } from './read-rights';
import type { ReceivedRecord } from './records';
import { TopicFeed } from './topic-feed';
import type { FollowedTopic, FollowOptions } from './topic-feed';

export type { FollowedTopic, FollowOptions } from './topic-feed';

/** New partitions shall be read within 10 s; a metadata request per topic every 5 s costs next to nothing. */
const CHECK_PARTITIONS_EVERY_MS = 5000;
/** After a check that did not find a topic: whoever waits for a reply on it shall not wait in vain for long. */
const CHECK_AGAIN_MS = 500;

export class TopicReader {
  readonly #connection: ConnectionOptions;
  readonly #producer: RecordProducer;
  readonly #tuning: ConsumerTuning;
  readonly #feeds = new Map<string, TopicFeed>();
  readonly #rights: ReadRights;
  #session: ConsumerSession | undefined;
  #checkTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(connection: ConnectionOptions, producer: RecordProducer, tuning: ConsumerTuning = {}) {
    this.#connection = connection;
    this.#producer = producer;
    this.#tuning = tuning;
    this.#rights = new ReadRights({ connection, tuning, feeds: () => [...this.#feeds.values()] });
  }

  /**
   * Several followers of a topic share its position: a further one that follows from the end is ready at once.
   * @throws GatewayError not_ready when closed
   */
  follow(topic: string, options: FollowOptions): FollowedTopic {
    if (this.#closing) throw closedError('reader');
    const session = this.#openSession();
    let feed = this.#feeds.get(topic);
    if (!feed) {
      feed = new TopicFeed(topic, this.#producer, session);
      this.#feeds.set(topic, feed);
    }
    const followed = feed;
    return feed.add(options, () => this.#dropUnused(topic, followed));
  }

  /** Stops the loop and every follower. Idempotent, within a few seconds even when the cluster is away. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  status(): Record<string, unknown> {
    return {
      ...(this.#session?.status() ?? { state: 'unused' }),
      topics: [...this.#feeds].map(([topic, feed]) => ({
        topic,
        reading: feed.reading,
        reason: feed.reason,
        partitions: feed.partitions,
        followers: feed.followers,
      })),
    };
  }

  async #close(): Promise<void> {
    clearTimeout(this.#checkTimer);
    for (const feed of [...this.#feeds.values()]) feed.end();
    await Promise.all([this.#session?.close(), this.#rights.close()]);
  }

  #openSession(): ConsumerSession {
    if (this.#session) return this.#session;
    this.#session = new ConsumerSession({
      name: 'reply reader',
      connection: this.#connection,
      tuning: this.#tuning,
      assignment: () => [...this.#feeds.values()].flatMap((feed) => feed.offsets()),
      onRecord: (record) => this.#deliver(record),
      onChange: () => {
        for (const feed of this.#feeds.values()) feed.wake();
      },
      onRefused: () => this.#rights.suspect(),
    });
    this.#checkLater();
    return this.#session;
  }

  #deliver(record: ReceivedRecord): void {
    // Between a stop and the next assign records of the dropped topic still come.
    this.#feeds.get(record.topic)?.deliver(record);
  }

  #dropUnused(topic: string, feed: TopicFeed): void {
    if (feed.followers > 0 || this.#feeds.get(topic) !== feed) return;
    this.#feeds.delete(topic);
    feed.end();
    // Rejected only by a close, and then nothing is read any more.
    if (!this.#closing) this.#session?.reassign().catch(() => undefined);
  }

  #checkLater(): void {
    const soon = [...this.#feeds.values()].some((feed) => feed.doubtful);
    this.#checkTimer = setTimeout(
      () => void this.#check(),
      soon ? CHECK_AGAIN_MS : CHECK_PARTITIONS_EVERY_MS,
    );
  }

  async #check(): Promise<void> {
    for (const [topic, feed] of this.#feeds) {
      try {
        await feed.checkPartitions();
      } catch (error) {
        // The cluster is away; the next check comes anyway.
        log.debug('partitions not checked', { topic, error });
      }
    }
    if (!this.#closing) this.#checkLater();
  }
}
