/**
 * Finds out which of the followed topics may not be read, and when they may be read again.
 *
 * A consumer whose right was taken away is told so once, without the name of the topic; when the right is back it is
 * told nothing, and as long as no requests are sent no reply comes that would show it. So a second consumer reads the
 * topics in question one at a time. It is only there while something is refused; the first one tries on by itself.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions, ConsumerTuning } from './connection';
import { ConsumerSession } from './consumer-session';
import type { TopicFeed } from './topic-feed';

export interface ReadRightsOptions {
  readonly connection: ConnectionOptions;
  readonly tuning: ConsumerTuning;
  readonly feeds: () => readonly TopicFeed[];
}

/** A broker refuses at once; one that lets us read may have nothing to say. */
const NOT_REFUSED_AFTER_MS = 1000;
const ASK_AGAIN_MS = 1000;

export class ReadRights {
  readonly #options: ReadRightsOptions;
  readonly #ended = new AbortController();
  /** Something was refused, and it is not known yet which topic. */
  #suspicion = false;
  #asking: Promise<void> | undefined;

  constructor(options: ReadRightsOptions) {
    this.#options = options;
  }

  /** One of the topics was refused. */
  suspect(): void {
    if (this.#ended.signal.aborted) return;
    this.#suspicion = true;
    const [first, ...others] = this.#options.feeds();
    // No need to ask: whoever waits for its replies is told at once.
    if (others.length === 0) first?.setRefused(true);
    // Ends with the closing only, which whoever closes knows.
    this.#asking ??= this.#ask()
      .catch(() => undefined)
      .finally(() => (this.#asking = undefined));
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { signal } = this.#ended;
    const probe = new Probe(this.#options);
    const stop = () => void probe.close();
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        const suspects = this.#options.feeds().filter((feed) => this.#suspicion || feed.refused);
        this.#suspicion = false;
        for (const feed of suspects) feed.setRefused(await probe.isRefused(feed));
        if (!this.#suspicion && !this.#options.feeds().some((feed) => feed.refused)) return;
        await delay(ASK_AGAIN_MS, undefined, { signal });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await probe.close();
    }
  }
}

class Probe {
  readonly #session: ConsumerSession;
  #feed: TopicFeed | undefined;
  #answer: (refused: boolean) => void = () => undefined;

  constructor({ connection, tuning }: ReadRightsOptions) {
    this.#session = new ConsumerSession({
      name: 'read probe',
      connection,
      tuning,
      assignment: () => this.#feed?.positions() ?? [],
      onRecord: () => this.#answer(false),
      onRefused: () => this.#answer(true),
    });
  }

  /** Rejects with not_ready when closed. */
  async isRefused(feed: TopicFeed): Promise<boolean> {
    await this.#session.whenUp();
    this.#feed = feed;
    await this.#session.reassign();
    // From here on nothing comes of what was assigned before.
    let limit: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        this.#answer = resolve;
        limit = setTimeout(resolve, NOT_REFUSED_AFTER_MS, false);
      });
    } finally {
      clearTimeout(limit);
      this.#feed = undefined;
      // A busy topic shall not be read twice until the next question. Rejected by a close only.
      this.#session.reassign().catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
