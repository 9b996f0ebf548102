/** Requests that their clients call one, by an Idempotency-Key: the first is sent, the others get its reply. */
import type { Clock } from '../clock';
import { GatewayError } from '../errors';
import { Fifo } from '../fifo';
import type { ReplyChannel } from '../reply/reply-channel';
import type { Wait } from '../reply/reply-topic';
import { keyPart } from './idempotency-key';
import { goneResult } from './gone-results';
import type { ReplyStore } from './reply-store';

/** Of those that got no reply and are remembered. Bounds memory: some 20 MB. */
const MOST_REMEMBERED = 100_000;

export interface IdempotencyOptions {
  /** For how long a request that got no reply in time is not sent again; 0: only while somebody waits for its reply. */
  readonly ttlMs: number;
}

export interface RepeatedRequest {
  readonly wait: Wait;
  /** It has had its reply before. */
  readonly isReplayed: boolean;
}

/** One request that was sent, and all who wait for its reply. */
class SentRequest {
  readonly open = new Set<Wait>();
  isDelivered = false;

  constructor(
    readonly id: string,
    private readonly onIdle: () => void,
  ) {}

  add(wait: Wait): void {
    this.open.add(wait);
    if (this.isDelivered) wait.delivered();
    wait.whenEnded(() => {
      this.open.delete(wait);
      if (this.open.size === 0) this.onIdle();
    });
  }
}

interface Remembered {
  readonly key: string;
  readonly sent: SentRequest;
  readonly untilMs: number;
}

export class RepeatedRequests {
  readonly counters = { joined: 0, replayed: 0, conflicts: 0 };
  readonly #clock: Clock;
  readonly #store: ReplyStore;
  readonly #sent = new Map<string, SentRequest>();
  /** Those that nobody waits for, in the order in which that began. */
  readonly #remembered = new Fifo<Remembered>();

  constructor(clock: Clock, store: ReplyStore) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Requests that are waited for, or not to be sent again yet. */
  get size(): number {
    return this.#sent.size;
  }

  /**
   * @returns a wait for the reply to the first request; undefined where this is the first
   * @throws GatewayError `idempotency_conflict` for another request with the same key; as ReplyChannel.register
   */
  repeat(
    channel: ReplyChannel,
    id: string,
    timeoutMs: number,
    { ttlMs }: IdempotencyOptions,
  ): RepeatedRequest | undefined {
    this.#forgetOld();
    const key = keyPart(id) ?? id;
    const sent = this.#sent.get(key);
    const keptId = ttlMs > 0 ? this.#store.idOfKey(key) : undefined;
    const earlierId = keptId ?? sent?.id;
    if (earlierId !== undefined && earlierId !== id) {
      this.counters.conflicts++;
      throw new GatewayError(
        'idempotency_conflict',
        'the key belongs to an earlier request, which was another',
      );
    }
    // It was carried out, and must not be again.
    if (ttlMs > 0 && this.#store.isGone(id)) throw goneResult();
    if (earlierId === undefined) return undefined;
    const wait = this.#store.follow(channel, id, timeoutMs, (isDelivered) =>
      isDelivered
        ? new GatewayError('reply_timeout', `sent before, no reply on ${channel.replyTopic} in time`)
        : new GatewayError('produce_timeout', 'sent before, no delivery report in time'),
    );
    if (keptId === undefined) sent?.add(wait);
    const isReplayed = keptId !== undefined;
    this.counters[isReplayed ? 'replayed' : 'joined']++;
    return { wait, isReplayed };
  }

  /** @param wait of the first request with its key, which is about to be sent @returns told when a broker has it, or not */
  first(wait: Wait, { ttlMs }: IdempotencyOptions): (error: GatewayError | undefined) => void {
    const key = keyPart(wait.id) ?? wait.id;
    const sent: SentRequest = new SentRequest(wait.id, () => this.#onIdle(key, sent, ttlMs));
    this.#sent.set(key, sent);
    sent.add(wait);
    return (error) => {
      if (error === undefined) {
        sent.isDelivered = true;
        for (const open of [...sent.open]) open.delivered();
        return;
      }
      // Nobody has it, or after an outage nobody knows: whoever comes again sends it again, under the same id. A record that
      // may be there twice is better than a key with which nothing can be done for the whole of `ttlMs`.
      this.#forget(key, sent);
      for (const open of [...sent.open]) open.owner.topic.waits.fail(open, error);
    };
  }

  /** Its reply is here, and kept where it is wanted. */
  answered(id: string): void {
    const key = keyPart(id);
    if (key !== undefined && this.#sent.get(key)?.id === id) this.#sent.delete(key);
  }

  #onIdle(key: string, sent: SentRequest, ttlMs: number): void {
    if (this.#sent.get(key) !== sent) return;
    if (ttlMs === 0) this.#forget(key, sent);
    else this.#remembered.push({ key, sent, untilMs: this.#clock.now() + ttlMs });
    this.#forgetOld();
  }

  #forget(key: string, sent: SentRequest): void {
    if (this.#sent.get(key) === sent) this.#sent.delete(key);
  }

  #forgetOld(): void {
    const nowMs = this.#clock.now();
    for (let oldest = this.#remembered.first; oldest; oldest = this.#remembered.drop()) {
      const isFull = this.#remembered.size > MOST_REMEMBERED;
      if (oldest.untilMs > nowMs && !isFull) break;
      // Somebody may have come again since: it is remembered again when they have gone.
      if (oldest.sent.open.size === 0) this.#forget(oldest.key, oldest.sent);
    }
  }
}
