/** What takes the replies of a wait that its first reply does not end. Most waits have none. */
import { costOf, type ReceivedRecord } from '../kafka/records';

/**
 * What became of a reply: it ends the wait (`last`), is taken and others may follow (`more`), is kept until somebody says
 * what it is (`held`), or has been here before (`duplicate`).
 */
export type Verdict = 'last' | 'more' | 'held' | 'duplicate';

export interface Collector {
  /** @param wait the one that has this collector */
  add(reply: ReceivedRecord, wait: Collected): Verdict;
  /** A broker has acknowledged the record of the request. */
  delivered?(): void;
  /** It is given the replies on one partition in their order, also where one has to wait for its schema. Default: as they can be read. */
  readonly inOrder?: boolean;
}

/** A wait, as far as a collector is concerned. */
export interface Collected {
  collector: Collector | undefined;
}

/** Between two plugins of one request lies a millisecond: more than a few are no replies, but a flood. */
const MOST_EARLY = 1000;
const MOST_EARLY_BYTES = 4_194_304;

/** Replies that came before the consumer half of their request, which alone knows whether one ends the wait. */
export class EarlyReplies implements Collector {
  readonly replies: ReceivedRecord[];
  #bytes: number;

  constructor(first: ReceivedRecord) {
    this.replies = [first];
    this.#bytes = costOf(first);
  }

  add(reply: ReceivedRecord): Verdict {
    const bytes = this.#bytes + costOf(reply);
    if (this.replies.length >= MOST_EARLY || bytes > MOST_EARLY_BYTES) return 'duplicate';
    this.#bytes = bytes;
    this.replies.push(reply);
    return 'held';
  }
}

/** Of every wait until its consumer half comes. One for all, so that it costs nothing where no reply comes early. */
export const UNCLAIMED: Collector = {
  add: (reply, wait) => {
    wait.collector = new EarlyReplies(reply);
    return 'held';
  },
};

/** Completes a sentence that begins with an option. */
export const NOT_REPEATED =
  'cannot be combined with idempotency, as one reply is kept for a request that comes again';
