/**
 * One topic as the reader follows it: the next offset of each partition, and who is told of its records.
 *
 * A feed first finds the end of every partition, as numbers, and has them assigned; 'latest' would be resolved some
 * time after the assign and skip the first replies. A follower that wants earlier records makes the feed go back once;
 * the others do not see those records again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError, toGatewayError } from '../errors';
import type { FollowedTopicReading } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import type { TopicPartitionOffset } from './binding';
import type { ConsumerSession } from './consumer-session';
import { Follower, type FollowedTopic, type FollowOptions, type PartitionChoice } from './follower';
import type { RecordProducer, Watermarks } from './producer';
import type { ReceivedRecord } from './records';

const RETRY_MS = 1000;
/** A shorter outage is bridged: replies are late then, not lost. During a longer one no further requests are taken. */
const BRIDGED_OUTAGE_MS = 2000;
/** A single answer without partitions may come from a broker that has only just started. */
const MISSING_BEFORE_LOST = 2;

export interface TopicFeedOptions {
  readonly topic: string;
  readonly partition: PartitionChoice | undefined;
  /** Makes the topic; undefined where it is waited for. */
  readonly create: (() => Promise<void>) | undefined;
}

export class TopicFeed {
  readonly topic: string;
  readonly #options: TopicFeedOptions;
  readonly #producer: RecordProducer;
  readonly #session: ConsumerSession;
  readonly #followers = new Set<Follower>();
  /** Next offset by partition; empty until the ends are known. */
  readonly #positions = new Map<number, number>();
  /** Of partitions that are gone. */
  readonly #former = new Map<number, number>();
  readonly #goBack: Array<() => void> = [];
  readonly #ended = new AbortController();
  #assigned = false;
  #refused = false;
  #missingInARow = 0;
  #reason: string | undefined;
  #lastRecordAtMs: number | undefined;

  constructor(options: TopicFeedOptions, producer: RecordProducer, session: ConsumerSession) {
    this.#options = options;
    this.topic = options.topic;
    this.#producer = producer;
    this.#session = session;
    void this.#untilDone(() => this.#findEnds());
  }

  get followers(): number {
    return this.#followers.size;
  }

  get partitions(): number {
    return this.#positions.size;
  }

  /** See FollowedTopic. */
  get partition(): number | undefined {
    if (this.#options.partition === undefined) return undefined;
    const [only] = this.#positions.keys();
    return only;
  }

  /** True when its partitions are assigned to a working client that may read them. */
  get reading(): boolean {
    return (
      this.#assigned && !this.#refused && this.#session.reading && this.#session.downForMs < BRIDGED_OUTAGE_MS
    );
  }

  get refused(): boolean {
    return this.#refused;
  }

  /** True when the last check did not find the topic: the next one should come soon. */
  get doubtful(): boolean {
    return this.#missingInARow > 0;
  }

  get reason(): string | undefined {
    if (this.reading) return undefined;
    if (this.#refused) return `The gateway may not read topic ${this.topic}.`;
    return this.#reason ?? this.#session.reason ?? this.#producer.reason ?? 'the reader is connecting';
  }

  add(options: FollowOptions, onStop: () => void): FollowedTopic {
    const follower = new Follower(this, options, () => {
      this.#followers.delete(follower);
      onStop();
    });
    this.#followers.add(follower);
    if (options.from === 'end') follower.positioned = true;
    else {
      const { sinceMs } = options.from;
      void this.#untilDone(() => this.#findTime(follower, sinceMs));
    }
    return follower;
  }

  /** Where reading goes on; asked at the moment of the assign. */
  offsets(): TopicPartitionOffset[] {
    for (const goBack of this.#goBack.splice(0)) goBack();
    return this.positions();
  }

  /** Next offset of each partition; none until the ends are known. */
  positions(): TopicPartitionOffset[] {
    return [...this.#positions].map(([partition, offset]) => ({ topic: this.topic, partition, offset }));
  }

  /** The broker does not let us read, or does so again. The client itself tries on, from its position. */
  setRefused(refused: boolean): void {
    if (refused === this.#refused) return;
    this.#refused = refused;
    if (!refused) {
      log.info('kafka topic may be read again', { topic: this.topic });
      this.wake();
      return;
    }
    log.warn('kafka topic may not be read', { topic: this.topic });
    this.#fail(new GatewayError('reply_reader_lost', `Topic ${this.topic} may not be read any more.`));
  }

  deliver(record: ReceivedRecord): void {
    // Of a partition that another feed of the topic reads, or of a topic that is gone.
    if (!this.#positions.has(record.partition)) return;
    this.#positions.set(record.partition, record.offset + 1);
    this.#lastRecordAtMs = this.#session.recordsAtMs;
    for (const follower of this.#followers) follower.deliver(record);
  }

  /** For the metrics. */
  figures(): FollowedTopicReading {
    let lagRecords: number | undefined;
    for (const [partition, position] of this.#positions) {
      const end = this.#session.knownEnd(this.topic, partition);
      if (end !== undefined) lagRecords = (lagRecords ?? 0) + Math.max(end - position, 0);
    }
    return { topic: this.topic, isReading: this.reading, lagRecords, lastRecordAtMs: this.#lastRecordAtMs };
  }

  /** Finds partitions added since, a topic that is gone, and one that was made anew with fewer partitions. */
  async checkPartitions(): Promise<void> {
    if (!this.#assigned) return;
    const count = await this.#producer.partitionsOf(this.topic);
    if (!this.#assigned || this.#ended.signal.aborted) return;
    const gone = [...this.#positions.keys()].filter((partition) => partition >= count);
    this.#missingInARow = gone.length > 0 ? this.#missingInARow + 1 : 0;
    if (this.#missingInARow >= MISSING_BEFORE_LOST) {
      if (count > 0 && gone.length < this.#positions.size) await this.#becomeSmaller(gone);
      else this.#lost(count === 0 ? 'is gone' : `has no partition ${gone.join(', ')} any more`);
      return;
    }
    const known = this.#positions.size;
    if (count <= known || this.#options.partition !== undefined) return;
    // They did not exist when the ends were taken, so everything in them is new. One that was taken for gone by mistake goes
    // on; where it was gone indeed, there is nothing at its old offset, and the client goes to its beginning by itself.
    for (let partition = known; partition < count; partition++) {
      this.#positions.set(partition, this.#former.get(partition) ?? 0);
      this.#former.delete(partition);
    }
    log.info('kafka topic has more partitions', { topic: this.topic, partitions: count });
    await this.#session.reassign();
  }

  /** Readiness may have changed. */
  wake(): void {
    for (const follower of this.#followers) follower.wake();
  }

  end(): void {
    this.#ended.abort();
    for (const follower of [...this.#followers]) follower.stop();
  }

  async #findEnds(): Promise<void> {
    const partitions = await this.#existingPartitions();
    const marks = await this.#producer.watermarks(this.topic, partitions);
    if (this.#ended.signal.aborted) return;
    partitions.forEach((partition, index) => this.#positions.set(partition, marks[index]?.high ?? 0));
    await this.#session.reassign();
    this.#assigned = true;
    this.#reason = undefined;
    log.info('kafka topic followed', { topic: this.topic, partitions: partitions.length });
    this.wake();
  }

  async #findTime(follower: Follower, sinceMs: number): Promise<void> {
    const partitions = await this.#existingPartitions();
    await this.#session.whenUp();
    // Asked before the times: a record written between the two questions is behind this end and ahead of no time.
    const marks = await this.#producer.watermarks(this.topic, partitions);
    const offsets = await this.#session.offsetsForTimes(this.topic, partitions, sinceMs);
    const targets = new Map(
      partitions.map((partition, index) => {
        const { high } = marks[index] as Watermarks;
        const offset = offsets[index] ?? -1;
        return [partition, offset < 0 ? high : Math.min(offset, high)];
      }),
    );
    while (!this.#assigned) await delay(RETRY_MS / 20, undefined, { signal: this.#ended.signal });
    this.#goBack.push(() => this.#goBackFor(follower, targets));
    await this.#session.reassign();
    this.wake();
  }

  #goBackFor(follower: Follower, targets: ReadonlyMap<number, number>): void {
    const behind = new Map<number, number>();
    const others = [...this.#followers].filter((other) => other.positioned);
    for (const [partition, target] of targets) {
      const position = this.#positions.get(partition) ?? 0;
      // Of those that went back before this one, some may not be there yet.
      const reached = Math.max(position, ...others.map((other) => other.skipsBelow(partition)));
      if (target < reached) behind.set(partition, reached);
      if (target >= position) continue;
      this.#positions.set(partition, target);
      for (const other of others) other.skipBelow(partition, position);
    }
    follower.startsBehind(behind);
  }

  /** Those of the topic that are to be read. */
  async #existingPartitions(): Promise<number[]> {
    await this.#producer.whenUp();
    // Before looking for it: by a look alone many brokers make a topic, in their own way.
    const refusal = await this.#options.create?.().then(() => undefined, toGatewayError);
    const count = await this.#producer.partitionsOf(this.topic);
    if (count === 0) {
      const missing = `Topic ${this.topic} does not exist, or the gateway may not describe it.`;
      throw new GatewayError('not_ready', refusal?.detail ?? missing);
    }
    const { partition } = this.#options;
    if (partition === undefined) return Array.from({ length: count }, (_, number) => number);
    if (partition.wraps) return [partition.number % count];
    if (partition.number < count) return [partition.number];
    throw new GatewayError(
      'not_ready',
      `Topic ${this.topic} has no partition ${partition.number}, only 0 to ${count - 1}.`,
    );
  }

  /** Retries once a second until it works or the feed ends. */
  async #untilDone(step: () => Promise<void>): Promise<void> {
    while (!this.#ended.signal.aborted) {
      try {
        await step();
        return;
      } catch (error) {
        const { detail } = toGatewayError(error);
        if (this.#ended.signal.aborted) return;
        if (detail !== this.#reason)
          log.warn('kafka topic not followed yet', { topic: this.topic, reason: detail });
        this.#reason = detail;
        await delay(RETRY_MS, undefined, { signal: this.#ended.signal }).catch(() => undefined);
      }
    }
  }

  /** Made anew: the client goes on at the beginning of what is left, and nothing comes of the others. */
  async #becomeSmaller(gone: readonly number[]): Promise<void> {
    for (const partition of gone) {
      this.#former.set(partition, this.#positions.get(partition) ?? 0);
      this.#positions.delete(partition);
    }
    this.#missingInARow = 0;
    log.warn('kafka topic has fewer partitions', { topic: this.topic, partitions: this.#positions.size });
    for (const follower of this.#followers) follower.startOver();
    await this.#session.reassign();
  }

  /** @param how completes a sentence about the topic */
  #lost(how: string): void {
    this.#assigned = false;
    this.#refused = false;
    this.#positions.clear();
    this.#former.clear();
    this.#missingInARow = 0;
    log.warn('kafka topic lost', { topic: this.topic });
    for (const follower of this.#followers) follower.startOver();
    this.#fail(new GatewayError('reply_reader_lost', `Topic ${this.topic} ${how}.`));
    void this.#untilDone(() => this.#findEnds());
  }

  #fail(error: GatewayError): void {
    for (const follower of this.#followers) follower.fail(error);
  }
}
