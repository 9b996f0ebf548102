/** The waits of a configuration that end with a state and not with a reply: `wait_for`. */
import { v4 as uuid } from 'uuid';
import type { StateConfig } from '../config/state-options';
import { GatewayError } from '../errors';
import type { Exchange } from '../exchange';
import type { ReceivedRecord } from '../kafka/records';
import type { MatchRule } from '../reply/match-rule';
import type { Outcome } from '../reply/pending-replies';
import type { ReplyChannel } from '../reply/reply-channel';
import type { ReplyTopic, Wait } from '../reply/reply-topic';
import type { KeepBounds } from '../results/kept-replies';
import type { StateEvents } from './state-events';
import { StateRule } from './state-rule';
import type { StateTopics } from './state-topics';

/** An event may come between the two halves of a request; see HandOver. */
const LEAST_MEMORY_MS = 10_000;

interface Joined {
  readonly events: StateEvents;
  readonly leave: () => void;
}

export class StateWaits {
  readonly #topics: StateTopics;
  readonly #rule: MatchRule;
  readonly #states: StateRule;
  readonly #lookBackMs: number;
  readonly #bounds: KeepBounds;
  readonly #joined = new Map<ReplyTopic, Joined>();

  /** @returns undefined where a reply ends the wait */
  static of(topics: StateTopics, rule: MatchRule, config: StateConfig): StateWaits | undefined {
    const { field, values } = config;
    if (field === undefined || values === undefined) return undefined;
    return new StateWaits(topics, rule, config, new StateRule({ field, values, others: config.others }));
  }

  private constructor(topics: StateTopics, rule: MatchRule, config: StateConfig, states: StateRule) {
    this.#topics = topics;
    this.#rule = rule;
    this.#states = states;
    this.#lookBackMs = config.look_back * 1000;
    this.#bounds = { ttlMs: Math.max(this.#lookBackMs, LEAST_MEMORY_MS), ...config.keep_events };
  }

  /** @throws GatewayError `reply_invalid`: see StateRule */
  statusOf(event: ReceivedRecord): number {
    return this.#states.statusOf(event);
  }

  /** Before the request is sent. @throws GatewayError `request_invalid` for one without a key */
  requireKey(key: unknown): void {
    if (typeof key !== 'string') throw new GatewayError('request_invalid', NO_KEY);
  }

  /** From now on its events are remembered. */
  watch({ topic }: ReplyChannel): StateEvents {
    const known = this.#joined.get(topic);
    if (known !== undefined) return known.events;
    this.#leaveUnused();
    const { events, leave } = this.#topics.join(topic, this.#rule, this.#bounds);
    const lookBack = this.#lookBackMs > 0 ? topic.lookBack(Date.now() - this.#lookBackMs) : undefined;
    this.#joined.set(topic, {
      events,
      leave: () => {
        lookBack?.stop();
        leave();
      },
    });
    return events;
  }

  /**
   * The wait of a request, which no reply ends from now on, but an event with its key does.
   * @param timeoutMs of the whole wait
   * @throws GatewayError `misconfigured`, `request_invalid`
   */
  begin(exchange: Exchange, timeoutMs: number): Exchange {
    const { channel, key } = exchange;
    if (channel.routeTag !== undefined) throw new GatewayError('misconfigured', `wait_for: ${ROUTED}`);
    if (exchange.repeats !== undefined)
      throw new GatewayError('misconfigured', `wait_for: ${NOT_IDEMPOTENT}`);
    // The producer of a pair does not know who waits: it has sent the record.
    if (key === undefined) throw new GatewayError('request_invalid', `${NO_KEY}; its record was sent`);
    const events = this.watch(channel);
    const wait = unanswered(exchange, timeoutMs);
    channel.topic.waits.hide(wait);
    events.follow(this.#rule.name.startsWith('key') ? asKey(key) : key, {
      wait,
      sinceMs: wait.createdAtMs - this.#lookBackMs,
      ends: (event) => this.#states.endsWait(event),
    });
    return wait === exchange.wait ? exchange : { ...exchange, wait };
  }

  close(): void {
    for (const { leave } of this.#joined.values()) leave();
    this.#joined.clear();
  }

  #leaveUnused(): void {
    for (const [topic, { leave }] of this.#joined) {
      if (topic.channels > 0) continue;
      leave();
      this.#joined.delete(topic);
    }
  }
}

const NO_KEY = 'the request has no key in it, so nobody can say whose state is waited for';

/** Both complete a sentence that begins with an option. */
export const ROUTED =
  'needs reply_routing: broadcast, because services write their events for everybody, and every gateway has to see them';
export const NOT_IDEMPOTENT =
  'cannot be combined with idempotency, whose requests share a reply and not an event';

/** Its own wait; or, where an event with its correlation id was faster than the second plugin, one that goes on. */
function unanswered({ channel, wait }: Exchange, timeoutMs: number): Wait {
  let outcome: Outcome<ReceivedRecord> | undefined;
  wait.whenEnded((ended) => (outcome = ended));
  if (outcome === undefined || !('reply' in outcome)) return wait;
  const another = channel.register(
    uuid(),
    timeoutMs,
    () => new GatewayError('reply_timeout', `no event on ${channel.replyTopic} in time`),
  );
  another.delivered();
  return another;
}

/** Ids in keys are compared as bytes, one character each. */
function asKey(key: string): string {
  return Buffer.from(key).toString('latin1');
}
