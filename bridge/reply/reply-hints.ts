/**
 * What is wrong with the replies of a topic, said once for each reason. Records that are nobody's reply are normal on a
 * shared topic, so nothing is said of them until a request ends at its deadline: then those that came while it waited may
 * be what it waited for.
 */
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import type { Diagnosis, HintReason } from './diagnosis';

export interface Hint {
  readonly reason: HintReason;
  /** Of the record that came last. */
  text: string;
  /** Waits that ended at their deadline, and such a record had come meanwhile. */
  timeouts: number;
}

interface Noticed {
  atMs: number;
  text: string;
  describedAtMs: number;
}

/** One of many is described: the others of a second are taken to be like it. */
const DESCRIBED_EVERY_MS = 1000;
/** Within this time after a wait ended at its deadline, more is looked at than otherwise. */
const ALERT_MS = 60_000;

export class ReplyHints {
  readonly #replyTopic: string;
  readonly #clock: Clock;
  readonly #noticed = new Map<HintReason, Noticed>();
  readonly #given = new Map<HintReason, Hint>();
  readonly #givenAtMs = new Map<HintReason, number>();
  #lastTimeoutMs = -Infinity;

  constructor(replyTopic: string, clock: Clock) {
    this.#replyTopic = replyTopic;
    this.#clock = clock;
  }

  /** True for a while after a wait ended at its deadline. */
  get alert(): boolean {
    return this.#clock.now() - this.#lastTimeoutMs < ALERT_MS;
  }

  get given(): readonly Hint[] {
    return [...this.#given.values()];
  }

  /** Those of the last minute, for whoever looks now. */
  get recent(): readonly Hint[] {
    const oldestMs = this.#clock.now() - ALERT_MS;
    return [...this.#given]
      .filter(([reason]) => (this.#givenAtMs.get(reason) ?? 0) >= oldestMs)
      .map(([, hint]) => hint);
  }

  /** A record came that is nobody's reply. */
  notice({ reason, describe }: Diagnosis): void {
    const nowMs = this.#clock.now();
    const noticed = this.#noticed.get(reason);
    if (noticed === undefined) {
      this.#noticed.set(reason, { atMs: nowMs, text: describe(), describedAtMs: nowMs });
      return;
    }
    noticed.atMs = nowMs;
    if (nowMs - noticed.describedAtMs < DESCRIBED_EVERY_MS) return;
    noticed.text = describe();
    noticed.describedAtMs = nowMs;
  }

  onTimedOut({ createdAtMs }: { readonly createdAtMs: number }): void {
    this.#lastTimeoutMs = this.#clock.now();
    for (const [reason, { atMs, text }] of this.#noticed) if (atMs >= createdAtMs) this.#give(reason, text);
  }

  #give(reason: HintReason, text: string): void {
    this.#givenAtMs.set(reason, this.#lastTimeoutMs);
    const given = this.#given.get(reason);
    if (given) {
      given.timeouts++;
      given.text = text;
      return;
    }
    this.#given.set(reason, { reason, text, timeouts: 1 });
    log.warn('a request got no reply in time, and a record came that may have been meant as one', {
      reply_topic: this.#replyTopic,
      reason,
      hint: text,
    });
  }
}
