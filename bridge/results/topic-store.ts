/**
 * What configurations keep together of the replies on one topic, whichever clients read it and however many want it. One
 * for each cluster and topic.
 */
import type { ReceivedRecord } from '../kafka/records';
import type { ReplyChannel } from '../reply/reply-channel';
import type { ReplyObserver } from '../reply/reply-observer';
import type { ReplyTopic, Waits } from '../reply/reply-topic';
import { widest, type KeepBounds } from './kept-replies';

export abstract class TopicStore implements ReplyObserver {
  readonly inOrder: boolean = false;
  /** Of each configuration that wants it. */
  readonly #bounds = new Map<object, KeepBounds>();
  /** By each client that reads the topic, as often as configurations look through it. */
  readonly #topics = new Map<ReplyTopic, { users: number; readonly stop: () => void }>();

  get isUnused(): boolean {
    return this.#bounds.size === 0;
  }

  /** One more configuration wants replies to be kept. @returns what ends it */
  join({ topic }: ReplyChannel, bounds: KeepBounds): () => void {
    const user = {};
    this.#bounds.set(user, bounds);
    this.setBounds(widest(this.#bounds.values()));
    const seen = this.#topics.get(topic) ?? { users: 0, stop: topic.observe(this) };
    seen.users++;
    this.#topics.set(topic, seen);
    return () => {
      this.#bounds.delete(user);
      this.setBounds(widest(this.#bounds.values()));
      if (--seen.users > 0) return;
      seen.stop();
      this.#topics.delete(topic);
    };
  }

  abstract onReply(record: ReceivedRecord, ids: readonly string[], isReadBack: boolean): void;

  protected abstract setBounds(bounds: KeepBounds): void;
}

/** The stores of this process. */
export class TopicStores<Store extends TopicStore> {
  /** The ids of a cluster and a topic are in one place, whichever client reads it: see ReplyTopics. */
  readonly #stores = new Map<Waits, Store>();
  readonly #open: (topic: ReplyTopic) => Store;

  constructor(open: (topic: ReplyTopic) => Store) {
    this.#open = open;
  }

  get all(): readonly Store[] {
    return [...this.#stores.values()];
  }

  /** The store behind a channel. Every one needs a leave. */
  join(channel: ReplyChannel, bounds: KeepBounds): { readonly store: Store; readonly leave: () => void } {
    const { topic } = channel;
    const store = this.#stores.get(topic.waits) ?? this.#open(topic);
    this.#stores.set(topic.waits, store);
    const leave = store.join(channel, bounds);
    return {
      store,
      leave: () => {
        leave();
        if (store.isUnused) this.#stores.delete(topic.waits);
      },
    };
  }

  /** The store behind a channel that has joined. */
  of({ topic }: ReplyChannel): Store | undefined {
    return this.#stores.get(topic.waits);
  }
}
