/** The stores of this process: one for each cluster and topic of which a configuration wants replies to be kept. */
import type { Clock } from '../clock';
import type { ReplyChannel } from '../reply/reply-channel';
import type { Waits } from '../reply/reply-topic';
import type { KeepBounds } from './kept-replies';
import { ReplyStore, type ReplyStoreReading } from './reply-store';

export class ReplyStores {
  readonly #clock: Clock;
  /** The ids of a cluster and a topic are in one place, whichever client reads it: see ReplyTopics. */
  readonly #stores = new Map<Waits, ReplyStore>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store behind a channel. Every one needs a leave. */
  join(
    channel: ReplyChannel,
    bounds: KeepBounds,
  ): { readonly store: ReplyStore; readonly leave: () => void } {
    const { topic } = channel;
    const store = this.#stores.get(topic.waits) ?? new ReplyStore(this.#clock, topic);
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
  of({ topic }: ReplyChannel): ReplyStore | undefined {
    return this.#stores.get(topic.waits);
  }

  /** For the status page: what the replies say is their clients' alone. */
  status(): Record<string, unknown>[] {
    return this.readings().map(({ replyTopic, kept, bytes, waiting, counters, lastDroppedEarly }) => ({
      reply_topic: replyTopic,
      kept,
      bytes,
      waiting,
      ...counters,
      last_dropped_early: lastDroppedEarly,
    }));
  }

  readings(): ReplyStoreReading[] {
    return [...this.#stores.values()].map((store) => store.reading());
  }
}
