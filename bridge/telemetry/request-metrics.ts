/**
 * What becomes of the requests of one topic pair. Counted in the path of a request: plain additions, nothing is looked
 * up. The objects are kept by label and outlive their configurations for a while, because Kong starts a configuration
 * anew at every change, and a scraper shall see the last of one that is gone.
 */
import type { Clock } from '../clock';
import { ERROR_CODES, type ErrorCode, type GatewayError } from '../errors';
import { Buckets, Histogram } from './histogram';
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';
import { KEPT_AFTER_END_MS } from './running-totals';

/**
 * How a request ended: `ok` with a reply, or with an acknowledgement where nobody waits for one; an error code; `closed`
 * by Kong before there was an answer; `unclaimed` when no plugin came for the reply; `accepted` with a 202, before it.
 */
export type Outcome = 'ok' | 'accepted' | ErrorCode | 'closed' | 'unclaimed';

export interface TopicPair {
  /** The one whose configuration names the topics. */
  readonly plugin: string;
  readonly cluster: string;
  /** As configured: a topic that a client chooses is none of it. "" where it is not known. */
  readonly topic: string;
  /** "" where nobody waits for replies. */
  readonly replyTopic: string;
}

/** What a configuration tells of itself at the moment of a scrape. */
export interface ConfigurationReading {
  readonly metrics: RequestMetrics;
  readonly ready: boolean;
  readonly inFlight: number;
  /** Requests at once; undefined where none wait for replies. */
  readonly capacity: number | undefined;
}

const PAIR = ['plugin', 'cluster', 'topic', 'reply_topic'] as const;

/** From a broker next door to a minute, which few clients outwait. */
const DURATIONS = new Buckets([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]);
const DELAYS = new Buckets([0.01, 0.1, 0.5, 1, 5, 30]);

const REQUESTS: Family = {
  name: 'kong_kafka_requests_total',
  type: 'counter',
  help: 'Requests by how they ended: ok (with a reply, whatever its status), accepted (with 202, before it), an error code, closed (by Kong, before the answer) or unclaimed (no plugin came for the reply).',
  labels: [...PAIR, 'outcome'],
};
const IN_FLIGHT: Family = {
  name: 'kong_kafka_requests_in_flight',
  type: 'gauge',
  help: 'Requests that wait for their reply now.',
  labels: PAIR,
};
const IN_FLIGHT_LIMIT: Family = {
  name: 'kong_kafka_requests_in_flight_limit',
  type: 'gauge',
  help: 'Requests that may wait at once (max_in_flight); one more is answered with overloaded.',
  labels: PAIR,
};
const TIMEOUT: Family = {
  name: 'kong_kafka_request_timeout_seconds',
  type: 'gauge',
  help: 'How long a request may wait for its reply, as configured. Absent until the first request.',
  labels: PAIR,
  ofWorkers: 'max',
};
const CONFIGURATIONS: Family = {
  name: 'kong_kafka_configurations',
  type: 'gauge',
  help: 'Plugin configurations by state: ready, or not_ready while their requests are answered with not_ready.',
  labels: [...PAIR, 'state'],
  ofWorkers: 'max',
};
const DURATION: Family = {
  name: 'kong_kafka_request_duration_seconds',
  type: 'histogram',
  help: 'The whole wait of a request that was sent, from just before it was produced to its answer, whatever that was.',
  labels: PAIR,
};
const PRODUCE_DURATION: Family = {
  name: 'kong_kafka_produce_duration_seconds',
  type: 'histogram',
  help: 'From producing a record to the news that the broker has acknowledged it, which is looked for every 20 ms, and every 2 ms where a client waits for it.',
  labels: PAIR,
};
const REPLY_DURATION: Family = {
  name: 'kong_kafka_reply_duration_seconds',
  type: 'histogram',
  help: 'From producing a record to its reply, of requests that got one in time.',
  labels: PAIR,
};
const LATE_BY: Family = {
  name: 'kong_kafka_reply_late_seconds',
  type: 'histogram',
  help: 'How long after the end of its wait a late reply came.',
  labels: PAIR,
};
const REQUEST_BYTES: Family = {
  name: 'kong_kafka_request_bytes_total',
  type: 'counter',
  help: 'Bytes of keys and values of the records produced for requests.',
  labels: PAIR,
};
const REPLY_BYTES: Family = {
  name: 'kong_kafka_reply_bytes_total',
  type: 'counter',
  help: 'Bytes of keys and values of the replies that ended a wait.',
  labels: PAIR,
};
const PRODUCE_ERRORS: Family = {
  name: 'kong_kafka_produce_errors_total',
  type: 'counter',
  help: 'Records of requests that were accepted and then not acknowledged, by error code.',
  labels: [...PAIR, 'code'],
};
const ORPHANS: Family = {
  name: 'kong_kafka_orphans_total',
  type: 'counter',
  help: 'Replies that nobody waited for any more and that go to orphan_topic: kept there, or lost.',
  labels: [...PAIR, 'result'],
};

export class RequestMetrics {
  readonly #outcomes = counts<Outcome>(['ok', 'accepted', ...ERROR_CODES, 'closed', 'unclaimed']);
  readonly #produceErrors = counts<ErrorCode>(ERROR_CODES);
  readonly #orphans = { kept: 0, lost: 0 };
  readonly #duration = new Histogram(DURATIONS);
  readonly #produceDuration = new Histogram(DURATIONS);
  readonly #replyDuration = new Histogram(DURATIONS);
  readonly #lateBy = new Histogram(DELAYS);
  /** Configured, of the last request that waited. */
  timeoutMs: number | undefined;
  #requestBytes = 0;
  #replyBytes = 0;
  readonly #labels: string;
  readonly #clock: Clock;

  constructor(pair: TopicPair, clock: Clock) {
    const { plugin, cluster, topic, replyTopic } = pair;
    this.#labels = labelText({ plugin, cluster, topic, reply_topic: replyTopic });
    this.#clock = clock;
  }

  /** Now, on the clock of what is measured. */
  nowMs(): number {
    return this.#clock.now();
  }

  /** It ended before its record was produced, or without an answer. */
  ended(outcome: Outcome): void {
    this.#outcomes[outcome]++;
  }

  /**
   * A request that was sent has its answer.
   * @param sinceMs when it was about to be produced, on the clock
   * @param requestId Kong's, if known
   */
  answered(outcome: Outcome, sinceMs: number, requestId: string | undefined): void {
    this.#outcomes[outcome]++;
    const nowMs = this.#clock.now();
    if (requestId === undefined) this.#duration.observe(nowMs - sinceMs);
    else this.#duration.observeRequest(nowMs - sinceMs, requestId, nowMs);
  }

  /** Its record is with the client library. */
  produced({ key, value }: Keyed): void {
    this.#requestBytes += (value?.length ?? 0) + (key?.length ?? 0);
  }

  /** @param error undefined: acknowledged */
  reported(error: GatewayError | undefined, sinceMs: number): void {
    if (error === undefined) this.#produceDuration.observe(this.#clock.now() - sinceMs);
    else this.#produceErrors[error.code]++;
  }

  replied({ key, value }: Keyed, sinceMs: number): void {
    this.#replyBytes += (value?.length ?? 0) + (key?.length ?? 0);
    this.#replyDuration.observe(this.#clock.now() - sinceMs);
  }

  late(byMs: number): void {
    this.#lateBy.observe(byMs);
  }

  orphaned(result: 'kept' | 'lost'): void {
    this.#orphans[result]++;
  }

  collect(page: MetricsPage): void {
    const labels = this.#labels;
    // From the start, so that the first request shows as an increase.
    page.add(REQUESTS, `${labels},outcome="ok"`, this.#outcomes.ok);
    for (const [outcome, count] of Object.entries(this.#outcomes)) {
      if (count > 0 && outcome !== 'ok') page.add(REQUESTS, `${labels},outcome="${outcome}"`, count);
    }
    for (const [code, count] of Object.entries(this.#produceErrors)) {
      if (count > 0) page.add(PRODUCE_ERRORS, `${labels},code="${code}"`, count);
    }
    for (const [result, count] of Object.entries(this.#orphans)) {
      if (count > 0) page.add(ORPHANS, `${labels},result="${result}"`, count);
    }
    if (this.timeoutMs !== undefined) page.add(TIMEOUT, labels, this.timeoutMs / 1000);
    page.addHistogram(DURATION, labels, this.#duration);
    page.addHistogram(PRODUCE_DURATION, labels, this.#produceDuration);
    page.addHistogram(REPLY_DURATION, labels, this.#replyDuration);
    page.addHistogram(LATE_BY, labels, this.#lateBy);
    page.add(REQUEST_BYTES, labels, this.#requestBytes);
    page.add(REPLY_BYTES, labels, this.#replyBytes);
  }

  collectReading(page: MetricsPage, { ready, inFlight, capacity }: ConfigurationReading): void {
    page.add(CONFIGURATIONS, `${this.#labels},state="ready"`, ready ? 1 : 0);
    page.add(CONFIGURATIONS, `${this.#labels},state="not_ready"`, ready ? 0 : 1);
    if (capacity === undefined) return;
    page.add(IN_FLIGHT, this.#labels, inFlight);
    page.add(IN_FLIGHT_LIMIT, this.#labels, capacity);
  }
}

interface Keyed {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | null;
}

function counts<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

interface Slot {
  readonly metrics: RequestMetrics;
  users: number;
  unusedSinceMs: number;
}

export const REQUEST_FAMILIES: readonly Family[] = [
  REQUESTS,
  IN_FLIGHT,
  IN_FLIGHT_LIMIT,
  TIMEOUT,
  CONFIGURATIONS,
  DURATION,
  PRODUCE_DURATION,
  REPLY_DURATION,
  LATE_BY,
  REQUEST_BYTES,
  REPLY_BYTES,
  PRODUCE_ERRORS,
  ORPHANS,
];

/** Those of all topic pairs, each shared by the configurations that have it. */
export class AllRequestMetrics implements MetricGroup {
  readonly families = REQUEST_FAMILIES;
  readonly #slots = new Map<string, Slot>();
  readonly #clock: Clock;
  readonly #configurations: () => readonly ConfigurationReading[];

  /** @param configurations those that there are now */
  constructor(clock: Clock, configurations: () => readonly ConfigurationReading[]) {
    this.#clock = clock;
    this.#configurations = configurations;
  }

  /** Every acquire needs one release. */
  acquire(pair: TopicPair): { readonly metrics: RequestMetrics; readonly release: () => void } {
    const key = JSON.stringify([pair.plugin, pair.cluster, pair.topic, pair.replyTopic]);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      this.#dropUnused();
      slot = { metrics: new RequestMetrics(pair, this.#clock), users: 0, unusedSinceMs: 0 };
      this.#slots.set(key, slot);
    }
    const held = slot;
    held.users++;
    let isReleased = false;
    return {
      metrics: held.metrics,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        if (--held.users === 0) held.unusedSinceMs = this.#clock.now();
      },
    };
  }

  collect(page: MetricsPage): void {
    this.#dropUnused();
    for (const { metrics } of this.#slots.values()) metrics.collect(page);
    for (const reading of this.#configurations()) reading.metrics.collectReading(page, reading);
  }

  #dropUnused(): void {
    const nowMs = this.#clock.now();
    for (const [key, { users, unusedSinceMs }] of this.#slots) {
      if (users === 0 && nowMs - unusedSinceMs > KEPT_AFTER_END_MS) this.#slots.delete(key);
    }
  }
}
