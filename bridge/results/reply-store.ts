/**
 * The replies on one topic as this process keeps them for who asks later, and those who wait for one that has not come.
 *
 * With broadcast routing every gateway sees every reply. So each can answer for each, and none has to tell another.
 */
import { v4 as uuid } from 'uuid';
import type { Clock } from '../clock';
import type { ReceivedRecord } from '../kafka/records';
import { foldedUuid, isUuid } from '../reply/id-forms';
import type { DeadlineError } from '../reply/pending-replies';
import type { ReplyChannel } from '../reply/reply-channel';
import type { ReplyTopic, Wait } from '../reply/reply-topic';
import { LastTime } from '../telemetry/last-time';
import { goneResult, GoneResults } from './gone-results';
import { KeptReplies, type KeepBounds } from './kept-replies';
import { RepeatedRequests } from './repeated-requests';
import { TopicStore } from './topic-store';

/** A reply that its client has let go of, as workers of one node tell each other. */
export interface DeletedResult {
  readonly cluster: string;
  readonly replyTopic: string;
  /** The id of its request. */
  readonly deleted: string;
}

/** For the status page and the metrics. What the replies say is their clients' alone. */
export interface ReplyStoreReading {
  /** What has counted. */
  readonly source: object;
  readonly cluster: string;
  readonly replyTopic: string;
  readonly kept: number;
  readonly bytes: number;
  readonly waiting: number;
  readonly counters: Readonly<ReplyStore['counters'] & RepeatedRequests['counters']>;
  readonly lastDroppedEarly: LastTime['status'];
}

export class ReplyStore extends TopicStore {
  /** `dropped_early`: put out by count or bytes before their time; `deleted` by their clients. */
  readonly counters = { dropped_early: 0, deleted: 0 };
  readonly #lastDroppedEarly = new LastTime();
  readonly #replyTopic: string;
  readonly #cluster: string;
  readonly #kept: KeptReplies;
  readonly #gone: GoneResults;
  readonly repeated: RepeatedRequests;
  readonly #waiting = new Map<string, Set<Wait>>();
  #ttlMs = 0;

  constructor(clock: Clock, { name, cluster }: Pick<ReplyTopic, 'name' | 'cluster'>) {
    super();
    this.#replyTopic = name;
    this.#cluster = cluster;
    this.#gone = new GoneResults(clock);
    this.repeated = new RepeatedRequests(clock, this);
    this.#kept = new KeptReplies(clock, (id, isOld) => {
      if (isOld) return;
      this.counters.dropped_early++;
      this.#lastDroppedEarly.note();
      this.#gone.add(id, this.#ttlMs);
    });
  }

  onReply(record: ReceivedRecord, ids: readonly string[]): void {
    const first = ids.find(isUuid);
    if (first === undefined) return;
    const id = foldedUuid(first) ?? first;
    // A client that has let go of it does not want it kept again.
    if (this.#gone.has(id)) return;
    this.#kept.keep(id, record);
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const wait of waiting) wait.owner.topic.waits.settle(wait, record);
    this.repeated.answered(id);
  }

  /** True for one that was kept and is not, or that nobody wants any more. */
  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  /** The request with this part of its id whose reply is here. */
  idOfKey(key: string): string | undefined {
    return this.#kept.idOfKey(key);
  }

  /**
   * Its client does not want it. Other workers of this node are to be told; other gateways still have it.
   * @returns what they are told
   */
  delete(id: string): DeletedResult {
    if (!this.#gone.has(id)) this.counters.deleted++;
    this.#letGo(id);
    return { cluster: this.#cluster, replyTopic: this.#replyTopic, deleted: id };
  }

  /** Another worker was told so, and has counted it. */
  deletedElsewhere({ cluster, replyTopic, deleted }: DeletedResult): void {
    if (cluster === this.#cluster && replyTopic === this.#replyTopic) this.#letGo(deleted);
  }

  #letGo(id: string): void {
    this.#kept.forget(id);
    this.#gone.add(id, this.#ttlMs);
    for (const wait of this.#waiting.get(id) ?? []) wait.owner.topic.waits.fail(wait, goneResult());
  }

  /**
   * A wait for the reply to a request that somebody else has sent. Many may wait for one; it counts among the waits of
   * its channel, and ends at once where the reply is here.
   * @throws as ReplyChannel.register
   */
  follow(channel: ReplyChannel, id: string, timeoutMs: number, onDeadline: DeadlineError): Wait {
    // Under an id that no record has: the request has its own wait under the other, in some process.
    const wait = channel.register(uuid(), timeoutMs, onDeadline);
    const kept = this.#kept.find(id);
    if (kept !== undefined) {
      channel.topic.waits.settle(wait, kept);
      return wait;
    }
    const waiting = this.#waiting.get(id) ?? new Set<Wait>();
    this.#waiting.set(id, waiting.add(wait));
    wait.whenEnded(() => {
      waiting.delete(wait);
      if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    });
    return wait;
  }

  reading(): ReplyStoreReading {
    this.#kept.dropOld();
    let waiting = 0;
    for (const { size } of this.#waiting.values()) waiting += size;
    return {
      source: this,
      cluster: this.#cluster,
      replyTopic: this.#replyTopic,
      kept: this.#kept.count,
      bytes: this.#kept.bytes,
      waiting,
      counters: { ...this.counters, ...this.repeated.counters },
      lastDroppedEarly: this.#lastDroppedEarly.status,
    };
  }

  protected setBounds(bounds: KeepBounds): void {
    this.#ttlMs = bounds.ttlMs;
    this.#kept.setBounds(bounds);
  }
}
