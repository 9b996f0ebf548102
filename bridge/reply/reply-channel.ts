/**
 * One reply topic as one plugin configuration sees it: the waits pinned to it and the rules by which a record
 * of that topic may end one. A record of another topic never gets here, so it can never settle a wait.
 */
import type { Clock } from '../clock';
import type { GatewayError } from '../errors';
import type { FollowedTopic, TopicReader } from '../kafka/reader';
import type { ReceivedRecord } from '../kafka/records';
import type { DeadlineWheel } from './deadline-wheel';
import { isRequest } from './dialects';
import { HeldReplies } from './held-replies';
import type { MatchRule } from './match-rule';
import { PendingReplies, type PendingReply } from './pending-replies';

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
  /** Whether a wait, or the rule that finds its reply, may still come for a record nobody waits for now. */
  readonly mayComeLater: () => boolean;
}

/** Long enough for the consumer half of a request to start, short enough to bound memory. */
const HOLD = { maxAgeMs: 10_000, maxRecords: 10_000, maxBytes: 33_554_432 };

export class ReplyChannel {
  readonly replyTopic: string;
  readonly counters = { replies: 0, unmatched: 0 };
  readonly #pending: PendingReplies<ReceivedRecord>;
  readonly #held: HeldReplies;
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
      onRecord: (record) => this.#onRecord(record),
      onLost: (error) => this.#pending.failAll(error),
    });
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** True when no reply can be missed any more. */
  get ready(): boolean {
    return this.#followed.ready;
  }

  /** Why it is not ready, as far as known. */
  get reason(): string | undefined {
    return this.#followed.reason;
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
    this.#pending.extend(wait.id, wait.createdAtMs + timeoutMs);
  }

  /** For a wait registered after its record was produced: its reply may be here already. */
  settleFromHeld(id: string): void {
    const record = this.#held.find(id);
    if (record) this.#settle(id, record);
  }

  /** Ends a wait early: failed delivery, client gone. Does nothing when it has ended. */
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
      if (id !== undefined) this.#settle(id, record);
    }
  }

  #onRecord(record: ReceivedRecord): void {
    if (this.#options.sharedWithRequests && isRequest(record)) return;
    const mayComeLater = this.#options.mayComeLater();
    if (this.#pending.size === 0 && !mayComeLater) {
      this.counters.unmatched++;
      return;
    }
    const ids: string[] = [];
    for (const rule of this.#rules) {
      const id = rule.correlationIdOf(record);
      if (id === undefined) continue;
      if (this.#settle(id, record)) return;
      ids.push(id);
    }
    // Late, duplicate or another gateway's: normal on a shared topic.
    this.counters.unmatched++;
    if (mayComeLater) this.#held.hold(record, ids);
  }

  #settle(id: string, record: ReceivedRecord): boolean {
    const settled = this.#pending.settle(id, record);
    if (settled) this.counters.replies++;
    return settled;
  }
}
