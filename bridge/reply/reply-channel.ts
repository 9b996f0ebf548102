/**
 * What one plugin configuration has of a reply topic: the waits of its own requests, how many they may be, and the rules
 * by which a record may end one. What comes on the topic is looked at in one place for all (reply-topic.ts).
 */
import type { Clock } from '../clock';
import type { GatewayError } from '../errors';
import type { FollowedTopic } from '../kafka/reader';
import type { ReceivedRecord } from '../kafka/records';
import type { RequestMetrics } from '../telemetry/request-metrics';
import { EarlyReplies, UNCLAIMED, type Collector } from './collector';
import type { MatchRule } from './match-rule';
import type { Orphan } from './orphans';
import type { DeadlineError, WaitOwner } from './pending-replies';
import type { ReplyTopic, Wait } from './reply-topic';
import { routeTag } from './route-tag';

export interface ReplyChannelOptions {
  readonly metrics: RequestMetrics;
  /** Waits at once. */
  readonly capacity: number;
  /** Replies before this moment are not of interest: `end` when nothing was produced yet. */
  readonly from: 'end' | { sinceMs: number };
  /** True where those of before have to be known before the first request: see `ready`. */
  readonly readsBackFirst?: boolean;
  /** The rules known from the start; consumers add theirs when they claim a wait. */
  readonly rules: readonly MatchRule[];
  /** True when records go out on the reply topic too: then a record that names a reply topic is a request. */
  readonly sharedWithRequests: boolean;
  /** True where a wait is registered after its record was produced: its reply may be here before it. */
  readonly waitsComeLate: boolean;
  /** Marks ids whose replies belong to this topic, where it is a gateway's own. */
  readonly routeTag?: number | undefined;
  /** Told of replies that nobody is ever going to wait for. */
  readonly onOrphan?: ((orphan: Orphan) => void) | undefined;
}

/** The end of a topic may be a record that no reader gets, such as the mark of a transaction. */
const READ_BACK_LIMIT_MS = 15_000;

export class ReplyChannel implements WaitOwner {
  readonly topic: ReplyTopic;
  readonly capacity: number;
  readonly sharedWithRequests: boolean;
  readonly metrics: RequestMetrics;
  /** Replies that ended a wait, and waits that ended at their deadline. */
  readonly counters = { replies: 0, timed_out: 0 };
  /** Kept by the registry of waits. */
  inFlight = 0;
  readonly #clock: Clock;
  readonly #options: ReplyChannelOptions;
  /** Only where earlier replies are of interest, too. */
  readonly #lookBack: FollowedTopic | undefined;
  /** Resolves when all of them have been seen. */
  readonly #readBack: Promise<void> | undefined;
  #hasReadBack = true;
  #readingSinceMs: number | undefined;
  #rules: readonly MatchRule[];
  /** Waits whose consumer half has not come yet. */
  #unclaimed = 0;
  #closedBy: GatewayError | undefined;

  constructor(topic: ReplyTopic, clock: Clock, options: ReplyChannelOptions) {
    this.topic = topic;
    this.capacity = options.capacity;
    this.sharedWithRequests = options.sharedWithRequests;
    this.metrics = options.metrics;
    this.#clock = clock;
    this.#options = options;
    topic.join(this);
    this.#rules = options.rules.map((rule) => topic.learn(rule));
    if (options.waitsComeLate) topic.expectMore();
    if (options.from === 'end') return;
    const { sinceMs } = options.from;
    let onCaughtUp: (() => void) | undefined;
    if (options.readsBackFirst === true) {
      this.#hasReadBack = false;
      this.#readBack = new Promise((resolve) => {
        onCaughtUp = () => {
          this.#hasReadBack = true;
          resolve();
        };
      });
    }
    this.#lookBack = topic.lookBack(sinceMs, onCaughtUp);
  }

  get replyTopic(): string {
    return this.topic.name;
  }

  /** By which a record may end a wait; of those that the topic has. */
  get rules(): readonly MatchRule[] {
    return this.#rules;
  }

  /** True when no reply can be missed any more. */
  get ready(): boolean {
    if (!this.topic.followed.ready || !(this.#lookBack?.ready ?? true)) return false;
    return this.#hasReadBack || this.#hasReadBackLongEnough();
  }

  /** Why it is not ready, as far as known. */
  get reason(): string | undefined {
    const reason = this.topic.followed.reason ?? this.#lookBack?.reason;
    return reason ?? (this.#hasReadBack ? undefined : 'earlier replies are being read');
  }

  /** The one partition that is read; undefined when all are, or while it is not known which. */
  get partition(): number | undefined {
    return this.topic.followed.partition;
  }

  /** Marks ids whose replies belong here; undefined where every gateway reads everything, or while it is not known. */
  get routeTag(): number | undefined {
    return this.#options.routeTag ?? (this.partition === undefined ? undefined : routeTag(this.partition));
  }

  /** The same, as far as it comes from the node and not from the partition. */
  get nodeTag(): number | undefined {
    return this.#options.routeTag;
  }

  get keepsOrphans(): boolean {
    return this.#options.onOrphan !== undefined;
  }

  async whenReady(): Promise<void> {
    await Promise.all([this.topic.followed.whenReady(), this.#lookBack?.whenReady(), this.#readBack]);
  }

  /**
   * Starts a wait; call before producing. Throws as PendingReplies.register.
   * @param requestId see PendingReply; only with an id that a client chose
   * @param mayRepeat see PendingReplies
   */
  register(
    id: string,
    timeoutMs: number,
    onDeadline: DeadlineError,
    requestId?: string,
    mayRepeat?: boolean,
  ): Wait {
    if (this.#closedBy) throw this.#closedBy;
    const deadlineAtMs = this.#clock.now() + timeoutMs;
    return this.topic.waits.register(this, id, deadlineAtMs, onDeadline, requestId, mayRepeat);
  }

  /**
   * A wait is on its way to its consumer half, whose rule may be the one that finds the reply, and which alone knows how
   * many replies it wants.
   */
  expectClaim(wait: Wait): void {
    wait.collector = UNCLAIMED;
    this.#unclaimed++;
    this.topic.expectMore();
  }

  /** It has come, or is not going to. */
  stopExpecting(): void {
    this.#unclaimed--;
    if (!this.#closedBy) this.topic.expectLess();
  }

  /**
   * The consumer half has come: its rule may end waits from now on, and the wait gets its real deadline.
   * A reply that only this rule finds may be here already, and so may others.
   * @param collector of a wait that its first reply does not end
   */
  claim(wait: Wait, timeoutMs: number, rule: MatchRule, collector?: Collector): void {
    if (!this.#rules.some((known) => known.name === rule.name))
      this.#rules = [...this.#rules, this.topic.learn(rule)];
    const early = wait.collector;
    wait.collector = collector;
    if (early instanceof EarlyReplies) for (const reply of early.replies) this.topic.settleEarly(wait, reply);
    this.settleFromHeld(wait, wait.createdAtMs);
    this.topic.dropHeld();
    this.topic.waits.extend(wait, wait.createdAtMs + timeoutMs);
  }

  /** For a wait registered after its record was produced: its reply may be here already. */
  settleFromHeld(wait: Wait, sinceMs = -Infinity): void {
    if (wait.collector === undefined) this.topic.settleFromHeld(wait, sinceMs);
    else this.topic.settleAllFromHeld(wait, sinceMs);
  }

  /** Ends a wait whose collector has all it wants. Does nothing when it has ended. */
  complete(wait: Wait, last: ReceivedRecord): void {
    this.topic.waits.settle(wait, last);
  }

  /** Ends a wait early: failed delivery, closed event. Does nothing when it has ended. */
  fail(wait: Wait, error: GatewayError): void {
    this.topic.waits.fail(wait, error);
  }

  /** Ends a wait whose record was never sent. */
  withdraw(wait: Wait, error: GatewayError): void {
    this.topic.waits.withdraw(wait, error);
  }

  /** Nobody waits any longer, and a reply that comes is not late. Does nothing when it has ended. */
  accept(wait: Wait): void {
    this.topic.waits.accept(wait);
  }

  /** Nobody is ever going to claim this wait. */
  giveUp(wait: Wait, error: GatewayError): void {
    this.stopExpecting();
    this.topic.dropHeld();
    this.fail(wait, error);
  }

  onTimedOut(wait: Pick<Wait, 'createdAtMs'>): void {
    this.counters.timed_out++;
    this.topic.counters.timed_out++;
    this.topic.hints.onTimedOut(wait);
  }

  /** The Kafka client of a closed channel may be gone. */
  keepOrphan(orphan: Orphan): void {
    if (!this.#closedBy) this.#options.onOrphan?.(orphan);
  }

  #hasReadBackLongEnough(): boolean {
    const nowMs = this.#clock.now();
    this.#readingSinceMs ??= nowMs;
    this.#hasReadBack = nowMs - this.#readingSinceMs >= READ_BACK_LIMIT_MS;
    return this.#hasReadBack;
  }

  /** Ends its own waits; those of others on the topic go on. */
  close(error: GatewayError): void {
    if (this.#closedBy) return;
    this.#closedBy = error;
    this.#lookBack?.stop();
    for (let left = this.#unclaimed + (this.#options.waitsComeLate ? 1 : 0); left > 0; left--)
      this.topic.expectLess();
    this.topic.leave(this, error);
  }
}
