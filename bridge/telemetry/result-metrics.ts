/** Of replies that are kept for who asks later, of repeated requests, and of states that are waited for. */
import type { Clock } from '../clock';
import type { ReplyStoreReading } from '../results/reply-store';
import type { StateEventsReading } from '../states/state-topics';
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';
import { RunningTotals } from './running-totals';

const TOPIC = ['cluster', 'reply_topic'] as const;

const KEPT: Family = {
  name: 'kong_kafka_kept_replies',
  type: 'gauge',
  help: 'Replies that are kept for who asks later, or asks again.',
  labels: TOPIC,
};
const KEPT_BYTES: Family = {
  name: 'kong_kafka_kept_replies_bytes',
  type: 'gauge',
  help: 'Bytes of kept replies, with what each costs beside its content.',
  labels: TOPIC,
};
const LET_GO: Family = {
  name: 'kong_kafka_kept_replies_let_go_total',
  type: 'counter',
  help: 'Replies that were let go before their time, by reason: bounds (count or bytes of keep_replies) or deleted by their client.',
  labels: [...TOPIC, 'reason'],
};
const WAITING: Family = {
  name: 'kong_kafka_result_waits',
  type: 'gauge',
  help: 'Requests that wait now for the reply to another: results that are asked for, and repeated requests.',
  labels: TOPIC,
};
const REPEATED: Family = {
  name: 'kong_kafka_repeated_requests_total',
  type: 'counter',
  help: 'Requests with the key of an earlier one: joined its wait, replayed its reply, or conflict with another body.',
  labels: [...TOPIC, 'result'],
};
const STATE_WAITS: Family = {
  name: 'kong_kafka_state_waits',
  type: 'gauge',
  help: 'Requests that wait now for an event with a state.',
  labels: TOPIC,
};
const EVENTS: Family = {
  name: 'kong_kafka_remembered_events',
  type: 'gauge',
  help: 'Keys whose last event is remembered for requests that wait for a state.',
  labels: TOPIC,
};
const EVENT_BYTES: Family = {
  name: 'kong_kafka_remembered_events_bytes',
  type: 'gauge',
  help: 'Bytes of remembered events, with what each costs beside its content.',
  labels: TOPIC,
};

export const RESULT_FAMILIES: readonly Family[] = [
  KEPT,
  KEPT_BYTES,
  LET_GO,
  WAITING,
  REPEATED,
  STATE_WAITS,
  EVENTS,
  EVENT_BYTES,
];

export interface ResultReadings {
  readonly stores: () => readonly ReplyStoreReading[];
  readonly states: () => readonly StateEventsReading[];
}

export class ResultMetrics implements MetricGroup {
  readonly families = RESULT_FAMILIES;
  readonly #letGo = new RunningTotals(LET_GO);
  readonly #repeated = new RunningTotals(REPEATED);
  readonly #clock: Clock;
  readonly #readings: ResultReadings;

  constructor(clock: Clock, readings: ResultReadings) {
    this.#clock = clock;
    this.#readings = readings;
  }

  collect(page: MetricsPage): void {
    const nowMs = this.#clock.now();
    for (const { source, cluster, replyTopic, kept, bytes, waiting, counters } of this.#readings.stores()) {
      const labels = labelText({ cluster, reply_topic: replyTopic });
      page.add(KEPT, labels, kept);
      page.add(KEPT_BYTES, labels, bytes);
      page.add(WAITING, labels, waiting);
      const { dropped_early, deleted, joined, replayed, conflicts } = counters;
      for (const [reason, count] of Object.entries({ bounds: dropped_early, deleted }))
        this.#letGo.read(source, `${labels},reason="${reason}"`, count, nowMs);
      for (const [result, count] of Object.entries({ joined, replayed, conflict: conflicts }))
        this.#repeated.read(source, `${labels},result="${result}"`, count, nowMs);
    }
    this.#letGo.collect(page, nowMs);
    this.#repeated.collect(page, nowMs);
    for (const { cluster, replyTopic, waiting, count, bytes } of this.#readings.states()) {
      const labels = labelText({ cluster, reply_topic: replyTopic });
      page.add(STATE_WAITS, labels, waiting);
      page.add(EVENTS, labels, count);
      page.add(EVENT_BYTES, labels, bytes);
    }
  }
}
