/** Whoever looks at the replies on a topic beside the waits that they end. */
import type { ReceivedRecord } from '../kafka/records';

export interface ReplyObserver {
  /** See Collector. */
  readonly inOrder?: boolean;
  /**
   * Called with every reply, whether it ended a wait or not, after it has. Not with requests on a shared topic.
   * @param ids by which the rules of the topic found, or would have found, its request; the one to trust first
   * @param isReadBack it was there before the topic was read
   */
  onReply(record: ReceivedRecord, ids: readonly string[], isReadBack: boolean): void;
}
