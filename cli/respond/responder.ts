/** A service on some topics: takes requests, has them answered, says of each what became of it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import type { Lease } from '../../bridge/link';
import { replyAddress, type AddressRules } from './reply-address';
import { replyRecord, type ReplyOptions, type Result } from './reply';

export interface Handled {
  readonly outcome: 'answered' | 'not_answered' | 'failed';
  readonly request: ReceivedRecord;
  readonly correlationId?: string;
  readonly replyTopic?: string;
  readonly status?: number | undefined;
  readonly bytes?: number;
  readonly tookMs: number;
  /** Completes "not answered: …", "failed: …". */
  readonly reason?: string;
}

export interface ResponderOptions {
  readonly rules: AddressRules;
  readonly reply: ReplyOptions;
  readonly delayMs: number;
  /** Requests that are worked on at once. */
  readonly concurrency: number;
  readonly producer: Pick<Lease['producer'], 'produce'>;
  readonly work: (request: ReceivedRecord, correlationId: string, stopped: AbortSignal) => Promise<Result>;
  readonly onHandled: (handled: Handled) => void;
}

/** Beyond that a service would be late for all of them. */
const MOST_WAITING = 10_000;

export class Responder {
  readonly counters = { answered: 0, not_answered: 0, failed: 0 };
  readonly #options: ResponderOptions;
  readonly #stopped = new AbortController();
  readonly #waitingForTurn: (() => void)[] = [];
  readonly #open = new Set<Promise<void>>();
  #working = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  take(request: ReceivedRecord): void {
    if (this.#stopped.signal.aborted) return;
    const sinceMs = performance.now();
    const address = replyAddress(request, this.#options.rules);
    if (address === undefined) return;
    const tookMs = (): number => performance.now() - sinceMs;
    if (typeof address === 'string')
      return this.#end({ outcome: 'not_answered', request, reason: address, tookMs: tookMs() });
    const { correlationId, topic } = address;
    const facts = { request, correlationId, replyTopic: topic };
    if (this.#open.size >= MOST_WAITING)
      return this.#end({
        ...facts,
        outcome: 'not_answered',
        reason: `${MOST_WAITING} others wait already`,
        tookMs: tookMs(),
      });
    const handled = this.#work(request, correlationId)
      .then(async (result) => {
        const reply = replyRecord(request, address, result, this.#options.reply);
        await this.#produced(reply);
        const status = this.#options.reply.status ?? result.status;
        this.#end({
          ...facts,
          outcome: 'answered',
          status,
          bytes: reply.value?.length ?? 0,
          tookMs: tookMs(),
        });
      })
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted)
          this.#end({ ...facts, outcome: 'failed', reason: (error as Error).message, tookMs: tookMs() });
      })
      .finally(() => this.#open.delete(handled));
    this.#open.add(handled);
  }

  /** What is worked on ends without an answer. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#open);
  }

  async #work(request: ReceivedRecord, correlationId: string): Promise<Result> {
    const { delayMs, concurrency, work } = this.#options;
    const { signal } = this.#stopped;
    if (delayMs > 0) await delay(delayMs, undefined, { signal });
    await this.#turn(concurrency);
    try {
      signal.throwIfAborted();
      return await work(request, correlationId, signal);
    } finally {
      // Whoever is next has this one's place.
      const next = this.#waitingForTurn.shift();
      if (next) next();
      else this.#working--;
    }
  }

  async #turn(concurrency: number): Promise<void> {
    if (this.#working < concurrency) this.#working++;
    else await new Promise<void>((resolve) => this.#waitingForTurn.push(resolve));
  }

  #produced(reply: Parameters<Lease['producer']['produce']>[0]): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#options.producer.produce(reply, (error) => (error ? reject(error) : resolve())),
    );
  }

  #end(handled: Handled): void {
    this.counters[handled.outcome]++;
    this.#options.onHandled(handled);
  }
}
