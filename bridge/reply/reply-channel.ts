/**
 * One reply topic as one plugin configuration sees it: the waits pinned to it and the rules by which a record
 * of that topic may end one. A record of another topic never gets here, so it can never settle a wait.
 */
import type { Clock } from '../clock';
import type { GatewayError } from '../errors';
import type { TopicLayout } from '../kafka/admin';
import type { FollowedTopic, PartitionChoice, TopicReader } from '../kafka/reader';
import type { ReceivedRecord } from '../kafka/records';
import { isSignOfLife } from '../kafka/topic-keeper';
import type { DeadlineWheel } from './deadline-wheel';
import { isRequest } from './dialects';
import { HeldReplies } from './held-replies';
import type { MatchRule } from './match-rule';
import type { Orphan } from './orphans';
import { PendingReplies, type PendingReply } from './pending-replies';
import { routeTag, routeTagOf } from './route-tag';

export interface ReplyChannelOptions {
  readonly replyTopic: string;
  /** Waits at once. */
  readonly capacity: number;
  /** Replies before this moment are not of interest: `end` when nothing was produced yet. */
  readonly from: 'end' | { sinceMs: number };
  /** The rules known from the start; consumers add theirs when they claim a wait. */
  readonly rules: readonly MatchRule[];
  /** True when records go out on the reply topic too: then a record that names a reply topic is a request. */
  readonly sharedWithRequests: boolean;
  /** Only this partition is read. Default: all. */
  readonly partition?: PartitionChoice | undefined;
  /** How to make the topic where it is missing. Default: it is waited for. */
  readonly create?: TopicLayout | undefined;
  /** Marks ids whose replies belong to this topic, where it is a gateway's own. */
  readonly routeTag?: number | undefined;
  /** Told of replies that nobody is ever going to wait for. */
  readonly onOrphan?: ((orphan: Orphan) => void) | undefined;
  /** Whether a wait, or the rule that finds its reply, may still come for a record nobody waits for now. */
  readonly mayComeLater: () => boolean;
}

type UnmatchedKind = 'late' | 'duplicate' | 'foreign' | 'misrouted' | 'unidentified';

/** Long enough for the consumer half of a request to start, short enough to bound memory. */
const HOLD = { maxAgeMs: 10_000, maxRecords: 10_000, maxBytes: 33_554_432 };

export class ReplyChannel {
  readonly replyTopic: string;
  /**
   * Replies that ended a wait, and those that did not: `late` after the deadline of their request, `duplicate` after
   * the first reply, `foreign` with an id that is not ours, `misrouted` with one that belongs elsewhere, `unidentified`
   * without any, `requests` where both share the topic. Normal on a shared topic, all but `late` and `misrouted`.
   */
  readonly counters = {
    replies: 0,
    late: 0,
    latest_by_ms: 0,
    duplicate: 0,
    foreign: 0,
    misrouted: 0,
    unidentified: 0,
    requests: 0,
  };
  /** Waits whose consumer half has not come yet; counted by whoever hands them over. */
  unclaimed = 0;
  readonly #pending: PendingReplies<ReceivedRecord>;
  readonly #held: HeldReplies;
  readonly #countedAs = new WeakMap<ReceivedRecord, UnmatchedKind>();
  readonly #clock: Clock;
  readonly #options: ReplyChannelOptions;
  readonly #followed: FollowedTopic;
  #rules: readonly MatchRule[];

  constructor(
    reader: Pick<TopicReader, 'follow'>,
    clock: Clock,
    wheel: DeadlineWheel,
    options: ReplyChannelOptions,
  ) {
    this.replyTopic = options.replyTopic;
    this.#clock = clock;
    this.#options = options;
    this.#rules = options.rules;
    this.#pending = new PendingReplies({ capacity: options.capacity, clock, wheel });
    this.#held = new HeldReplies(clock, HOLD);
    this.#followed = reader.follow(options.replyTopic, {
      from: options.from,
      partition: options.partition,
      create: options.create,
      onRecord: (record) => this.#onRecord(record),
      onLost: (error) => this.#pending.failAll(error),
    });
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** Records kept for waits, or rules, that may still come. */
  get heldRecords(): number {
    return this.#held.size;
  }

  /** True when no reply can be missed any more. */
  get ready(): boolean {
    return this.#followed.ready;
  }

  /** Why it is not ready, as far as known. */
  get reason(): string | undefined {
    return this.#followed.reason;
  }

  /** The one partition that is read; undefined when all are, or while it is not known which. */
  get partition(): number | undefined {
    return this.#followed.partition;
  }

  /** Marks ids whose replies belong here; undefined where every gateway reads everything, or while it is not known. */
  get routeTag(): number | undefined {
    return this.#options.routeTag ?? (this.partition === undefined ? undefined : routeTag(this.partition));
  }

  whenReady(): Promise<void> {
    return this.#followed.whenReady();
  }

  /** Starts a wait; call before producing. Throws as PendingReplies.register. */
  register(id: string, timeoutMs: number, onDeadline: () => GatewayError): PendingReply<ReceivedRecord> {
    return this.#pending.register(id, this.#clock.now() + timeoutMs, onDeadline);
  }

  /**
   * The consumer half has come: its rule may end waits from now on, and the wait gets its real deadline.
   * A reply that only this rule finds may be here already.
   */
  claim(wait: PendingReply<ReceivedRecord>, timeoutMs: number, rule: MatchRule): void {
    this.#learn(rule);
    this.dropHeld();
    this.#pending.extend(wait.id, wait.createdAtMs + timeoutMs);
  }

  /** For a wait registered after its record was produced: its reply may be here already. */
  settleFromHeld(id: string): void {
    const record = this.#held.find(id);
    if (record) this.#settleHeld(id, record);
  }

  /** Lets go of what nobody can ask for any more, once the last wait was claimed or given up. */
  dropHeld(): void {
    if (this.#held.size > 0 && !this.#options.mayComeLater()) this.#held.clear();
  }

  /** Ends a wait early: failed delivery, closed event. Does nothing when it has ended. */
  fail(id: string, error: GatewayError): void {
    this.#pending.fail(id, error);
  }

  close(error: GatewayError): void {
    this.#followed.stop();
    this.#pending.close(error);
    this.#held.clear();
  }

  #learn(rule: MatchRule): void {
    if (this.#rules.some((known) => known.name === rule.name)) return;
    this.#rules = [...this.#rules, rule];
    for (const record of this.#held.all()) {
      const id = rule.correlationIdOf(record);
      if (id !== undefined) this.#settleHeld(id, record);
    }
  }

  #onRecord(record: ReceivedRecord): void {
    if (this.#options.sharedWithRequests && isRequest(record)) {
      this.counters.requests++;
      return;
    }
    const ids: string[] = [];
    for (const rule of this.#rules) {
      const id = rule.correlationIdOf(record);
      if (id === undefined) continue;
      if (this.#settle(id, record)) return;
      ids.push(id);
    }
    if (ids.length === 0 && isSignOfLife(record)) return;
    const { kind, lateByMs } = this.#kindOf(ids);
    this.counters[kind]++;
    // Another gateway may wait for the other two.
    if (kind !== 'foreign' && kind !== 'unidentified')
      this.#options.onOrphan?.({ reply: record, reason: kind, lateByMs });
    if (!this.#options.mayComeLater()) return;
    this.#held.hold(record, ids);
    this.#countedAs.set(record, kind);
  }

  /** What a reply is that nobody waits for. */
  #kindOf(ids: readonly string[]): { kind: UnmatchedKind; lateByMs?: number } {
    if (ids.length === 0) return { kind: 'unidentified' };
    for (const id of ids) {
      const ended = this.#pending.ended(id);
      if (ended?.how === 'answered') return { kind: 'duplicate' };
      if (ended === undefined) continue;
      const lateByMs = Math.round(this.#clock.now() - ended.endedAtMs);
      this.counters.latest_by_ms = Math.max(this.counters.latest_by_ms, lateByMs);
      return { kind: 'late', lateByMs };
    }
    return { kind: ids.some((id) => this.#belongsElsewhere(id)) ? 'misrouted' : 'foreign' };
  }

  #belongsElsewhere(id: string): boolean {
    const ours = this.routeTag;
    if (ours === undefined) return false;
    const tag = routeTagOf(id);
    return tag !== undefined && tag !== ours;
  }

  #settleHeld(id: string, record: ReceivedRecord): void {
    const kind = this.#countedAs.get(record);
    // It was not what it seemed to be, it was early.
    if (this.#settle(id, record) && kind) this.counters[kind]--;
  }

  #settle(id: string, record: ReceivedRecord): boolean {
    const settled = this.#pending.settle(id, record);
    if (settled) this.counters.replies++;
    return settled;
  }
}
