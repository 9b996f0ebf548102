/** Where a configuration wants replies to be kept for who asks later. */
import type { Clock } from '../clock';
import { ReplyStore, type ReplyStoreReading } from './reply-store';
import { TopicStores } from './topic-store';

export class ReplyStores extends TopicStores<ReplyStore> {
  constructor(clock: Clock) {
    super((topic) => new ReplyStore(clock, topic));
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
    return this.all.map((store) => store.reading());
  }
}
