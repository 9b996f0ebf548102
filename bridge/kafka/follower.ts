/** One follower of a topic: from where it wants records, and whether it can miss any. */
import type { GatewayError } from '../errors';
import type { TopicLayout } from './admin';
import { closedError } from './managed-client';
import type { ReceivedRecord } from './records';
import { Waiters } from './waiters';

/** One partition of a topic. */
export interface PartitionChoice {
  readonly number: number;
  /** Whether the number counts modulo the partitions there are; else the topic must have this one. */
  readonly wraps: boolean;
}

export interface FollowOptions {
  /** Default: all partitions. */
  readonly partition?: PartitionChoice | undefined;
  /** The topic is made like this where it is missing. Default: it is waited for. */
  readonly create?: TopicLayout | undefined;
  /** `end`: records from now on. A time in ms since 1970: also those at or after it. */
  readonly from: 'end' | { readonly sinceMs: number };
  /**
   * With a time: only the records that others who follow the topic had no need of or have seen. It stops by itself when
   * it has got there, and counts as ready from then on. Default: it goes on.
   */
  readonly upToNow?: boolean;
  /** It has got there, with `upToNow`. */
  onCaughtUp?(): void;
  onRecord(record: ReceivedRecord): void;
  /**
   * What is waited for cannot be seen any more. The topic went away, and is followed again from its end when it is
   * back; or it may not be read, and reading goes on where it stopped.
   */
  onLost?(error: GatewayError): void;
}

export interface FollowedTopic {
  /** True when no record can be missed any more and a client is reading. */
  readonly ready: boolean;
  /** Why it is not ready, as far as known. */
  readonly reason: string | undefined;
  /** The one partition that is read; undefined when all are, or while it is not known which. */
  readonly partition: number | undefined;
  /** Rejects with not_ready when stopped or closed first. */
  whenReady(): Promise<void>;
  /** Idempotent. onRecord is not called any more. */
  stop(): void;
}

/** What a follower looks at; see topic-feed.ts. */
export interface FollowedFeed {
  readonly reading: boolean;
  readonly reason: string | undefined;
  readonly partition: number | undefined;
}

export class Follower implements FollowedTopic {
  /** Its own start is part of the feed's position. */
  positioned = false;
  readonly #feed: FollowedFeed;
  readonly #options: FollowOptions;
  readonly #onStop: () => void;
  readonly #waiters = new Waiters();
  readonly #skipBelow = new Map<number, number>();
  /** The offset by partition at which it has got there; undefined when it goes on. */
  #behind: Map<number, number> | undefined;
  #caughtUp = false;
  #stopped = false;

  constructor(feed: FollowedFeed, options: FollowOptions, onStop: () => void) {
    this.#feed = feed;
    this.#options = options;
    this.#onStop = onStop;
  }

  get ready(): boolean {
    if (this.#caughtUp) return true;
    return !this.#stopped && this.positioned && this.#feed.reading;
  }

  get reason(): string | undefined {
    if (this.ready) return undefined;
    return this.#stopped ? 'not followed any more' : (this.#feed.reason ?? 'its start is being looked up');
  }

  get partition(): number | undefined {
    return this.#feed.partition;
  }

  whenReady(): Promise<void> {
    if (this.#stopped && !this.#caughtUp) return Promise.reject(closedError('reader'));
    return this.ready ? Promise.resolve() : this.#waiters.wait();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#waiters.reject(closedError('reader'));
    this.#onStop();
  }

  wake(): void {
    if (this.ready) this.#waiters.resolve();
  }

  /** Offsets begin anew. */
  startOver(): void {
    this.#skipBelow.clear();
    if (this.#behind) this.#catchUp();
  }

  fail(error: GatewayError): void {
    this.#options.onLost?.(error);
  }

  /** Its start is part of the feed's position. */
  startsBehind(offsets: ReadonlyMap<number, number>): void {
    this.positioned = true;
    if (!this.#options.upToNow) return;
    this.#behind = new Map(offsets);
    if (this.#behind.size === 0) this.#catchUp();
  }

  /** Up to here it needs nothing of a partition. */
  skipsBelow(partition: number): number {
    return this.#skipBelow.get(partition) ?? 0;
  }

  skipBelow(partition: number, offset: number): void {
    this.#skipBelow.set(partition, Math.max(offset, this.#skipBelow.get(partition) ?? 0));
  }

  deliver(record: ReceivedRecord): void {
    if (!this.positioned || this.#stopped) return;
    const known = this.#skipBelow.get(record.partition);
    if (known !== undefined) {
      // Not longer: offsets begin anew where the topic is made anew, and nobody says so.
      if (record.offset + 1 >= known) this.#skipBelow.delete(record.partition);
      if (record.offset < known) return;
    }
    if (this.#behind) this.#deliverBehind(record, this.#behind);
    else this.#options.onRecord(record);
  }

  #deliverBehind(record: ReceivedRecord, behind: Map<number, number>): void {
    const end = behind.get(record.partition);
    if (end === undefined) return;
    if (record.offset < end) this.#options.onRecord(record);
    if (record.offset + 1 < end) return;
    behind.delete(record.partition);
    if (behind.size === 0) this.#catchUp();
  }

  #catchUp(): void {
    this.#caughtUp = true;
    this.#waiters.resolve();
    this.stop();
    this.#options.onCaughtUp?.();
  }
}
