/** How a wait ends, as a promise. */
import type { Outcome, PendingReply } from '../../bridge/reply/pending-replies';

export function outcomeOf<Reply>(wait: PendingReply<Reply>): Promise<Outcome<Reply>> {
  return new Promise((resolve) => wait.whenEnded(resolve));
}
