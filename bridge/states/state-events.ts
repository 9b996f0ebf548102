/**
 * The events on one topic by their key, and who waits for one of a certain kind. Services write them anyway; nobody of
 * them was asked by us. One for each topic of a cluster and each way to find the key.
 */
import type { Clock } from '../clock';
import type { ReceivedRecord } from '../kafka/records';
import type { MatchRule } from '../reply/match-rule';
import type { ReplyObserver } from '../reply/reply-observer';
import type { ReplyTopic, Wait } from '../reply/reply-topic';
import { widest, type KeepBounds } from '../results/kept-replies';
import { LastEvents } from './last-events';

export interface Waiter {
  readonly wait: Wait;
  /** On our clock: what was written before counts for nothing. */
  readonly sinceMs: number;
  readonly ends: (event: ReceivedRecord) => boolean;
}

export class StateEvents implements ReplyObserver {
  readonly #rule: MatchRule;
  readonly #last: LastEvents;
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #bounds = new Map<object, KeepBounds>();
  readonly #topics = new Map<ReplyTopic, { users: number; readonly stop: () => void }>();

  constructor(clock: Clock, rule: MatchRule) {
    this.#rule = rule;
    this.#last = new LastEvents(clock, widest([]));
  }

  get isUnused(): boolean {
    return this.#bounds.size === 0;
  }

  get waiting(): number {
    let waiting = 0;
    for (const { size } of this.#waiters.values()) waiting += size;
    return waiting;
  }

  get remembered(): { readonly count: number; readonly bytes: number } {
    this.#last.dropOld();
    return { count: this.#last.count, bytes: this.#last.bytes };
  }

  /** One more configuration waits for states. @returns what ends it */
  join(topic: ReplyTopic, bounds: KeepBounds): () => void {
    const user = {};
    this.#setBounds(() => this.#bounds.set(user, bounds));
    let seen = this.#topics.get(topic);
    if (seen === undefined) this.#topics.set(topic, (seen = { users: 0, stop: topic.observe(this) }));
    const { stop } = seen;
    const entry = seen;
    entry.users++;
    return () => {
      this.#setBounds(() => this.#bounds.delete(user));
      if (--entry.users > 0) return;
      stop();
      this.#topics.delete(topic);
    };
  }

  onReply(record: ReceivedRecord, _ids: readonly string[], isReadBack: boolean): void {
    const key = this.#rule.correlationIdOf(record);
    if (key === undefined) return;
    // Without a time it is as good as new: the topic was asked for those of a time.
    const ageMs = isReadBack && record.timestamp > 0 ? Math.max(Date.now() - record.timestamp, 0) : 0;
    this.#last.remember(key, record, ageMs);
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) return;
    const last = this.#last.find(key);
    for (const waiter of [...waiters]) {
      // One that is read back may be older than the wait wants it, or not the last one.
      if (isReadBack && (last?.record !== record || last.atMs < waiter.sinceMs)) continue;
      if (waiter.ends(record)) end(waiter, record);
    }
  }

  /** Ends the wait with the next event of this key that does, or with the last one. */
  follow(key: string, waiter: Waiter): void {
    const last = this.#last.find(key);
    if (last !== undefined && last.atMs >= waiter.sinceMs && waiter.ends(last.record)) {
      end(waiter, last.record);
      return;
    }
    const waiters = this.#waiters.get(key) ?? new Set<Waiter>();
    this.#waiters.set(key, waiters.add(waiter));
    waiter.wait.whenEnded(() => {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(key) === waiters) this.#waiters.delete(key);
    });
  }

  #setBounds(change: () => void): void {
    change();
    this.#last.setBounds(widest(this.#bounds.values()));
  }
}

function end({ wait }: Waiter, record: ReceivedRecord): void {
  wait.owner.topic.waits.settle(wait, record);
}
