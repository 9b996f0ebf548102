/**
 * One reply topic as this process reads it, for all configurations that wait there: each record is looked at once, and
 * the wait it ends leads to its configuration (reply-channel.ts). A record of another topic never gets here, so it can
 * never settle a wait.
 */
import type { Clock } from '../clock';
import type { GatewayError } from '../errors';
import type { TopicLayout } from '../kafka/admin';
import type { FollowedTopic, PartitionChoice, TopicReader } from '../kafka/reader';
import { costOf, type ReceivedRecord } from '../kafka/records';
import { isSignOfLife } from '../kafka/topic-keeper';
import type { ReplyTopicReading } from '../telemetry/reply-metrics';
import { diagnose, LOOKS_LIKE_REQUEST, onOtherTopic } from './diagnosis';
import { isRequest } from './dialects';
import type { EndedWait } from './ended-waits';
import { HeldReplies, type HeldReply } from './held-replies';
import { foldedUuid } from './id-forms';
import { bothCases, everyIdOf, HEADER_RULE, type MatchRule } from './match-rule';
import { PartitionOrder } from './partition-order';
import type { OwnedWait, PendingReplies } from './pending-replies';
import type { ReplyChannel } from './reply-channel';
import { ReplyHints } from './reply-hints';
import type { ReplyObserver } from './reply-observer';
import { isReplyTo } from './request-id';
import { routeTag, routeTagOf } from './route-tag';

export type Waits = PendingReplies<ReceivedRecord, ReplyChannel>;
export type Wait = OwnedWait<ReceivedRecord, ReplyChannel>;

export interface ReplyTopicOptions {
  /** What metrics call the cluster. */
  readonly cluster: string;
  readonly replyTopic: string;
  /** Only this partition is read. Default: all. */
  readonly partition?: PartitionChoice | undefined;
  /** How to make the topic where it is missing. Default: it is waited for. */
  readonly create?: TopicLayout | undefined;
  /** Those of every reader of the topic: an id is waited for once. */
  readonly waits: Waits;
  /** The topic on which a reply with this id is awaited, if any. */
  readonly awaitedOn: (id: string) => ReplyTopic | undefined;
  /** Nobody waits here any more. */
  readonly onUnused: () => void;
}

type UnmatchedKind = 'late' | 'duplicate' | 'foreign' | 'misrouted' | 'unidentified';

/** Long enough for the consumer half of a request to start, short enough to bound memory. */
const HOLD = { maxAgeMs: 10_000, maxRecords: 10_000, maxBytes: 33_554_432 };

/** Of records whose schemas are on their way: after a start those of all that are read back. */
const MAX_NOT_READABLE_BYTES = 33_554_432;

export class ReplyTopic {
  readonly name: string;
  /**
   * Replies that ended a wait, and those that did not: `late` after the deadline of their request, `duplicate` after
   * the first reply, `accepted` when its client has been told to ask for it later, or has left a stream that others may
   * have, `foreign` with an id that is not ours, `misrouted` with one that belongs elsewhere, `unidentified`
   * without any, `requests` where both share the topic. Normal on a shared topic, all but `late` and `misrouted`.
   */
  readonly counters = {
    replies: 0,
    timed_out: 0,
    late: 0,
    latest_by_ms: 0,
    duplicate: 0,
    accepted: 0,
    foreign: 0,
    misrouted: 0,
    unidentified: 0,
    requests: 0,
  };
  readonly waits: Waits;
  readonly hints: ReplyHints;
  readonly #clock: Clock;
  readonly #reader: Pick<TopicReader, 'follow'>;
  readonly #options: ReplyTopicOptions;
  readonly #followed: FollowedTopic;
  readonly #channels = new Set<ReplyChannel>();
  readonly #held: HeldReplies<UnmatchedKind>;
  /** Each with the channels that know it. */
  readonly #users = new Map<MatchRule, number>();
  #rules: readonly MatchRule[] = [];
  /** Of the channels, those whose requests go out on this topic. */
  #sharing = 0;
  /** Where the topic is this node's own. */
  #nodeTag: number | undefined;
  /** Waits, or rules that find their replies, that may still come for a record nobody waits for now. */
  #expected = 0;
  /** Records that no rule can look into yet; each with when it has been seen again. */
  readonly #notReadable = new Map<ReceivedRecord, Promise<void>>();
  #notReadableBytes = 0;
  /** Of those, and of what is behind them. */
  readonly #order = new PartitionOrder();
  /** None as a rule: then a reply costs nothing more. */
  #observers: readonly ReplyObserver[] | undefined;
  /** Whose request was seen here, where requests share the topic. */
  readonly #requestsSeen = new WeakSet<Wait>();

  constructor(reader: Pick<TopicReader, 'follow'>, clock: Clock, options: ReplyTopicOptions) {
    this.name = options.replyTopic;
    this.waits = options.waits;
    this.#reader = reader;
    this.#clock = clock;
    this.#options = options;
    this.#held = new HeldReplies(clock, HOLD);
    this.hints = new ReplyHints(options.replyTopic, clock);
    this.#followed = reader.follow(options.replyTopic, {
      from: 'end',
      partition: options.partition,
      create: options.create,
      onRecord: (record) => this.#onRecord(record),
      onLost: (error) => this.waits.failAllOf(({ topic }) => topic === this, error),
    });
  }

  /** What metrics call the cluster. */
  get cluster(): string {
    return this.#options.cluster;
  }

  get channels(): number {
    return this.#channels.size;
  }

  get inFlight(): number {
    let sum = 0;
    for (const { inFlight } of this.#channels) sum += inFlight;
    return sum;
  }

  /** Records kept for waits, or rules, that may still come. */
  get heldRecords(): number {
    return this.#held.size;
  }

  /** See FollowedTopic. */
  get followed(): Pick<FollowedTopic, 'ready' | 'reason' | 'partition' | 'whenReady'> {
    return this.#followed;
  }

  /** For the metrics. */
  figures(): ReplyTopicReading {
    const {
      replies: matched,
      requests: request,
      late,
      duplicate,
      accepted,
      foreign,
      misrouted,
      unidentified,
    } = this.counters;
    return {
      source: this,
      cluster: this.#options.cluster,
      replyTopic: this.name,
      counts: { matched, late, duplicate, accepted, foreign, misrouted, unidentified, request },
      heldRecords: this.heldRecords,
    };
  }

  join(channel: ReplyChannel): void {
    this.#channels.add(channel);
    if (channel.sharedWithRequests) this.#sharing++;
    this.#nodeTag ??= channel.nodeTag;
  }

  leave(channel: ReplyChannel, error: GatewayError): void {
    if (!this.#channels.delete(channel)) return;
    if (channel.sharedWithRequests) this.#sharing--;
    if (channel.inFlight > 0) this.waits.failAllOf((owner) => owner === channel, error);
    for (const rule of channel.rules) this.#forgetRule(rule);
    if (this.#channels.size > 0) return;
    this.#followed.stop();
    this.#held.clear();
    this.#order.clear();
    this.#options.onUnused();
  }

  /** Every reply is shown to this one, too, until the returned function is called; at once those that are held. */
  observe(observer: ReplyObserver): () => void {
    if (this.#held.size > 0)
      for (const { record, ids } of this.#held.list()) observer.onReply(record, ids, false);
    this.#observers = [...(this.#observers ?? []), observer];
    return () => {
      const others = this.#observers?.filter((other) => other !== observer) ?? [];
      this.#observers = others.length > 0 ? others : undefined;
    };
  }

  /** Also the records since then that were there before the topic was read, for waits that come after their replies. */
  lookBack(sinceMs: number, onCaughtUp?: () => void): FollowedTopic {
    return this.#reader.follow(this.name, {
      from: { sinceMs },
      upToNow: true,
      partition: this.#options.partition,
      onRecord: (record) => this.#onEarlier(record),
      ...(onCaughtUp && { onCaughtUp: () => this.#whenSeen(onCaughtUp) }),
    });
  }

  /** @returns the rule of this name that the topic has, which from now on may end waits of one more channel */
  learn(rule: MatchRule): MatchRule {
    const known = this.#rules.find(({ name }) => name === rule.name) ?? rule;
    this.#users.set(known, (this.#users.get(known) ?? 0) + 1);
    if (known !== rule || this.#rules.includes(rule)) return known;
    // Whoever has an id of ours in a header is the reply to that request, whatever its key and body say.
    this.#rules = rule === HEADER_RULE ? [rule, ...this.#rules] : [...this.#rules, rule];
    if (this.#held.size > 0) {
      this.#held.alsoUnder((record, countedAs) => {
        this.#settleWhenReadable(rule, record, countedAs);
        return everyIdOf(rule, record);
      });
    }
    return rule;
  }

  expectMore(): void {
    this.#expected++;
  }

  /** The last of them lets go of what nobody can ask for any more, with `dropHeld`. */
  expectLess(): void {
    this.#expected--;
  }

  dropHeld(): void {
    if (this.#held.size > 0 && this.#expected === 0) this.#held.clear();
  }

  /**
   * Its reply may be here already.
   * @param sinceMs on our clock: what came before is no reply to it
   */
  settleFromHeld(wait: Wait, sinceMs: number): void {
    if (this.#held.size === 0) return;
    const held = this.#held.find(foldedUuid(wait.id) ?? wait.id) ?? this.#held.find(wait.id);
    if (held) this.#settleHeld(wait, held, sinceMs);
  }

  /** The same for a wait that takes several replies: all that are here already, in the order in which they came. */
  settleAllFromHeld(wait: Wait, sinceMs: number): void {
    if (this.#held.size === 0) return;
    for (const held of this.#held.allOf([foldedUuid(wait.id) ?? wait.id, wait.id]))
      this.#settleHeld(wait, held, sinceMs);
  }

  /** One that came before its wait was claimed. */
  settleEarly(wait: Wait, record: ReceivedRecord): void {
    const id = foldedUuid(wait.id) ?? wait.id;
    const ended = this.#ended(id);
    if (ended) this.#onEnded(ended, record, id);
    else this.#settle(wait, record);
  }

  #settleHeld(wait: Wait, held: HeldReply<UnmatchedKind>, sinceMs: number): void {
    if (held.atMs < sinceMs) return;
    const { record } = held;
    const { owner } = wait;
    if (owner.sharedWithRequests && isRequest(record)) return;
    if (!isReplyTo(wait, record) || !owner.rules.some((rule) => matches(rule, record, wait))) return;
    this.#held.forget(held);
    // It was not what it seemed to be, it was early.
    this.counters[held.countedAs]--;
    this.settleEarly(wait, record);
  }

  #onRecord(record: ReceivedRecord): void {
    const namesReplyTopic = this.#sharing > 0 && isRequest(record);
    if (namesReplyTopic && this.#sharing === this.#channels.size) return this.#onRequest(record);
    // Exactly as it should be, as almost all are: nothing else is looked at.
    let found: (string | undefined)[] | undefined;
    for (const rule of this.#rules) {
      const id = rule.correlationIdOf(record);
      if (id !== undefined) {
        const wait = this.#waitFor(id, rule, record, namesReplyTopic);
        if (wait) return this.#settle(wait, record);
        // The reply to this request, and to no other that another rule may find.
        const ended = namesReplyTopic ? undefined : this.#ended(id);
        if (ended) return this.#onEnded(ended, record, id);
      }
      (found ??= []).push(id);
    }
    this.#onMissed(record, found ?? [], namesReplyTopic);
  }

  /**
   * No wait has exactly its id: names and UUIDs are compared once more, without case.
   * @param found the exact id by each rule
   */
  #onMissed(record: ReceivedRecord, found: readonly (string | undefined)[], namesReplyTopic: boolean): void {
    if (this.#seenLater(record, () => this.#onRecord(record))) return;
    const ids: string[] = [];
    for (const [index, rule] of this.#rules.entries()) {
      const exact = found[index];
      if (exact !== undefined) ids.push(exact);
      const almost = exact ?? rule.almostCorrelationIdOf?.(record);
      if (almost === undefined) continue;
      for (const id of exact === undefined ? bothCases(almost) : [foldedUuid(almost)]) {
        if (id === undefined) continue;
        const wait = this.#waitFor(id, rule, record, namesReplyTopic);
        if (wait) return this.#settle(wait, record);
        const ended = namesReplyTopic ? undefined : this.#ended(id);
        if (ended) return this.#onEnded(ended, record, id);
        ids.push(id);
      }
    }
    if (namesReplyTopic) return this.#onRequest(record);
    if (ids.length === 0 && isSignOfLife(record)) return;
    if (this.#observers !== undefined) this.#show(record, ids);
    const kind = this.#kindOf(ids);
    this.counters[kind]++;
    // Another gateway may wait for the others. Nobody here has asked for it, so anybody who keeps such replies may.
    if (kind === 'misrouted')
      this.#keeper()?.keepOrphan({ reply: record, reason: 'misrouted', lateByMs: undefined });
    this.#explain(record, ids);
    if (this.#expected > 0) this.#held.hold(record, ids, kind);
  }

  /** A rule cannot look into it yet: it comes again when the rule can. Beyond some, it is nobody's. */
  #seenLater(record: ReceivedRecord, again: () => void): boolean {
    if (this.#notReadableBytes >= MAX_NOT_READABLE_BYTES || this.#notReadable.has(record)) return false;
    for (const rule of this.#rules) {
      const readable = rule.whenReadable?.(record);
      if (!readable) continue;
      const cost = costOf(record);
      this.#notReadableBytes += cost;
      this.#order.block(record);
      const seen = readable.then(() => {
        // Only now: a schema that is not to be had is not waited for again.
        if (this.#channels.size > 0) again();
        this.#notReadable.delete(record);
        this.#notReadableBytes -= cost;
        this.#order.unblock(record);
      });
      this.#notReadable.set(record, seen);
      return true;
    }
    return false;
  }

  /** Calls back when all that is here has been seen. */
  #whenSeen(callback: () => void): void {
    if (this.#notReadable.size === 0) callback();
    else void Promise.all(this.#notReadable.values()).then(callback);
  }

  /** A record that came before the rule, which cannot look into it yet. */
  #settleWhenReadable(rule: MatchRule, record: ReceivedRecord, countedAs: UnmatchedKind): void {
    void rule.whenReadable?.(record)?.then(() => {
      for (const id of everyIdOf(rule, record)) {
        const wait = this.#waitFor(id, rule, record, false);
        if (!wait) continue;
        this.counters[countedAs]--;
        return this.#settle(wait, record);
      }
    });
  }

  #onRequest(record: ReceivedRecord): void {
    this.counters.requests++;
    if (!this.hints.alert) return;
    for (const id of this.#rules.flatMap((rule) => everyIdOf(rule, record))) {
      const wait = this.waits.find(id);
      if (wait?.owner.topic !== this) continue;
      // The first is the request itself; a service that copies all of its headers makes a second one of its reply.
      if (this.#requestsSeen.has(wait)) this.hints.notice(LOOKS_LIKE_REQUEST);
      else this.#requestsSeen.add(wait);
      return;
    }
  }

  /** For whoever is going to ask why a request got no reply. */
  #explain(record: ReceivedRecord, ids: readonly string[]): void {
    if (this.waits.size > 0) {
      const diagnosis = diagnose(record, ids, this.#rules, this.waits.idsAreOurs);
      if (diagnosis) return this.hints.notice(diagnosis);
    }
    for (const id of ids) {
      const other = this.#options.awaitedOn(id);
      // Another client's reader of this very topic gets its replies itself.
      if (other && other.name !== this.name) return other.hints.notice(onOtherTopic(this.name, other.name));
    }
  }

  /** One that was there before the topic was read: counted only if somebody waits for it. */
  #onEarlier(record: ReceivedRecord): void {
    const ids: string[] = [];
    for (const rule of this.#rules) {
      for (const id of everyIdOf(rule, record)) {
        const wait = this.#waitFor(id, rule, record, false);
        if (wait) return this.#settle(wait, record);
        if (this.#ended(id)) {
          this.#show(record, [id], true);
          return;
        }
        ids.push(id);
      }
    }
    if (this.#seenLater(record, () => this.#onEarlier(record))) return;
    this.#show(record, ids, true);
    if (this.#expected === 0 || ids.length === 0) return;
    const kind = this.#kindOf(ids);
    this.counters[kind]++;
    this.#held.hold(record, ids, kind);
  }

  /** The wait that a record with this id ends. */
  #waitFor(id: string, rule: MatchRule, record: ReceivedRecord, namesReplyTopic: boolean): Wait | undefined {
    const wait = this.waits.find(id);
    if (wait === undefined) return undefined;
    const { owner } = wait;
    return owner.topic === this &&
      owner.rules.includes(rule) &&
      !(namesReplyTopic && owner.sharedWithRequests) &&
      isReplyTo(wait, record)
      ? wait
      : undefined;
  }

  #ended(id: string): EndedWait<ReplyChannel> | undefined {
    const ended = this.waits.ended(id);
    return ended?.owner.topic === this ? ended : undefined;
  }

  #onEnded({ owner, how, endedAtMs }: EndedWait<ReplyChannel>, record: ReceivedRecord, id: string): void {
    if (this.#observers !== undefined) this.#show(record, [id]);
    if (how === 'accepted') {
      this.counters.accepted++;
      return;
    }
    if (how === 'answered') {
      this.counters.duplicate++;
      owner.keepOrphan({ reply: record, reason: 'duplicate' });
      return;
    }
    const lateByMs = Math.round(this.#clock.now() - endedAtMs);
    this.counters.late++;
    owner.metrics.late(lateByMs);
    this.counters.latest_by_ms = Math.max(this.counters.latest_by_ms, lateByMs);
    owner.keepOrphan({ reply: record, reason: 'late', lateByMs });
  }

  /** What a reply is that is none to a request of ours. */
  #kindOf(ids: readonly string[]): UnmatchedKind {
    if (ids.length === 0) return 'unidentified';
    return ids.some((id) => this.#belongsElsewhere(id)) ? 'misrouted' : 'foreign';
  }

  #belongsElsewhere(id: string): boolean {
    const ours = this.#routeTag();
    if (ours === undefined) return false;
    const tag = routeTagOf(id);
    return tag !== undefined && tag !== ours;
  }

  #routeTag(): number | undefined {
    const { partition } = this.#followed;
    return partition === undefined ? this.#nodeTag : routeTag(partition);
  }

  #keeper(): ReplyChannel | undefined {
    for (const channel of this.#channels) if (channel.keepsOrphans) return channel;
    return undefined;
  }

  #forgetRule(rule: MatchRule): void {
    const users = (this.#users.get(rule) ?? 0) - 1;
    if (users > 0) {
      this.#users.set(rule, users);
      return;
    }
    this.#users.delete(rule);
    this.#rules = this.#rules.filter((other) => other !== rule);
  }

  #settle(wait: Wait, record: ReceivedRecord): void {
    if (this.#order.isBusy && this.#waitsForOthers(wait, record)) return;
    const verdict = wait.collector === undefined ? 'last' : wait.collector.add(record, wait);
    if (verdict === 'held') return;
    if (verdict === 'duplicate') {
      this.counters.duplicate++;
      wait.owner.keepOrphan({ reply: record, reason: 'duplicate' });
      return;
    }
    wait.owner.metrics.replied(record, wait.createdAtMs);
    if (verdict === 'last') this.waits.settle(wait, record);
    this.counters.replies++;
    wait.owner.counters.replies++;
    if (this.#observers !== undefined) this.#show(record, [wait.id]);
  }

  /** What cannot be read yet may be a reply to the same request. */
  #waitsForOthers(wait: Wait, record: ReceivedRecord): boolean {
    const { collector, owner } = wait;
    if (collector?.inOrder !== true || !owner.rules.some((rule) => rule.whenReadable !== undefined))
      return false;
    return this.#order.after(record, () => this.settleEarly(wait, record));
  }

  #show(record: ReceivedRecord, ids: readonly string[], isReadBack = false): void {
    for (const observer of this.#observers ?? []) {
      if (this.#order.isBusy && observer.inOrder === true) {
        if (this.#order.after(record, () => observer.onReply(record, ids, isReadBack))) continue;
      }
      observer.onReply(record, ids, isReadBack);
    }
  }
}

function matches(rule: MatchRule, record: ReceivedRecord, { id }: Wait): boolean {
  const wanted = foldedUuid(id) ?? id;
  return everyIdOf(rule, record).some((found) => found === id || found === wanted);
}
