/** The replies on one topic as this process keeps them for streams that other processes have begun, and who goes on with one. */
import type { Clock } from '../clock';
import type { ReceivedRecord } from '../kafka/records';
import { foldedUuid, isUuid } from '../reply/id-forms';
import type { ReplyTopic } from '../reply/reply-topic';
import type { KeepBounds } from '../results/kept-replies';
import { TopicStore, TopicStores } from '../results/topic-store';
import { KeptStreamReplies, type KeptStreamReply } from './kept-stream-replies';

export type StreamFollower = (reply: ReceivedRecord) => void;

export class StreamStore extends TopicStore {
  /** Who goes on with a stream says how far it is by an offset, and would never be given what comes before it. */
  override readonly inOrder = true;
  readonly #clock: Clock;
  readonly #replyTopic: string;
  readonly #kept: KeptStreamReplies;
  readonly #followers = new Map<string, Set<StreamFollower>>();
  #ttlMs = 0;
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock, { name }: Pick<ReplyTopic, 'name'>) {
    super();
    this.#clock = clock;
    this.#replyTopic = name;
    this.#kept = new KeptStreamReplies(clock);
  }

  onReply(record: ReceivedRecord, ids: readonly string[]): void {
    const first = ids.find(isUuid);
    if (first === undefined) return;
    const id = foldedUuid(first) ?? first;
    if (!this.#kept.keep(id, record)) return;
    this.#sweepLater();
    for (const follower of this.#followers.get(id) ?? []) follower(record);
  }

  /** What is here of the replies to this request. @see KeptStreamReplies.of */
  repliesTo(id: string): readonly KeptStreamReply[] {
    return this.#kept.of(id);
  }

  /** @see KeptStreamReplies.hasForgotten */
  hasForgotten(sinceMs: number): boolean {
    return this.#kept.hasForgotten(sinceMs);
  }

  /** Of what is put out before its time is remembered, too, which place it has by this record header. */
  rememberPlaces(header: string): void {
    this.#kept.rememberPlaces(header);
  }

  /** Told of each reply to this request that comes from now on, until the returned function is called. */
  follow(id: string, follower: StreamFollower): () => void {
    const followers = this.#followers.get(id) ?? new Set<StreamFollower>();
    this.#followers.set(id, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(id) === followers) this.#followers.delete(id);
    };
  }

  /** For the status page: what the replies say is their clients' alone. */
  status(): Record<string, unknown> {
    this.#kept.dropOld();
    const { count, bytes, droppedEarly } = this.#kept;
    let taken_over = 0;
    for (const { size } of this.#followers.values()) taken_over += size;
    return { reply_topic: this.#replyTopic, kept: count, bytes, dropped_early: droppedEarly, taken_over };
  }

  protected setBounds(bounds: KeepBounds): void {
    this.#ttlMs = bounds.ttlMs;
    this.#kept.setBounds(bounds);
    if (!this.isUnused) return;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#kept.clear();
  }

  /** What is too old must not count among the bytes in flight until the next reply comes. */
  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.after(this.#ttlMs, () => {
      this.#cancelSweep = undefined;
      this.#kept.dropOld();
      if (this.#kept.count > 0) this.#sweepLater();
    });
  }
}

export class StreamStores extends TopicStores<StreamStore> {
  constructor(clock: Clock) {
    super((topic) => new StreamStore(clock, topic));
  }

  status(): Record<string, unknown>[] {
    return this.all.map((store) => store.status());
  }
}
