/** What came on the reply topics, each counted once however many configurations wait there. */
import type { Clock } from '../clock';
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';
import { RunningTotals } from './running-totals';

export interface ReplyTopicReading {
  /** What has counted. */
  readonly source: object;
  readonly cluster: string;
  readonly replyTopic: string;
  readonly counts: Readonly<Record<ReplyKind, number>>;
  /** Records kept for waits, or rules, that may still come. */
  readonly heldRecords: number;
}

/** See reply-topic.ts. */
export type ReplyKind =
  'matched' | 'late' | 'duplicate' | 'accepted' | 'foreign' | 'misrouted' | 'unidentified' | 'request';

const TOPIC = ['cluster', 'reply_topic'] as const;

const REPLIES: Family = {
  name: 'kong_kafka_replies_total',
  type: 'counter',
  help: 'Records on the reply topic by kind: matched ended a wait; late came after the end of its wait, duplicate after the first reply, accepted after the client had got a 202, or had left its stream, which another gateway may have; foreign has an id that is not ours, misrouted one of another gateway, unidentified none; request is a request on a shared topic.',
  labels: [...TOPIC, 'kind'],
};
const HELD: Family = {
  name: 'kong_kafka_held_records',
  type: 'gauge',
  help: 'Records that matched no wait and are kept for a moment, because the wait may come later.',
  labels: TOPIC,
};

export const REPLY_FAMILIES: readonly Family[] = [REPLIES, HELD];

export class ReplyMetrics implements MetricGroup {
  readonly families = REPLY_FAMILIES;
  readonly #replies = new RunningTotals(REPLIES);
  readonly #clock: Clock;
  readonly #readings: () => readonly ReplyTopicReading[];

  constructor(clock: Clock, readings: () => readonly ReplyTopicReading[]) {
    this.#clock = clock;
    this.#readings = readings;
  }

  collect(page: MetricsPage): void {
    const nowMs = this.#clock.now();
    for (const { source, cluster, replyTopic, counts, heldRecords } of this.#readings()) {
      const labels = labelText({ cluster, reply_topic: replyTopic });
      for (const [kind, count] of Object.entries(counts))
        this.#replies.read(source, `${labels},kind="${kind}"`, count, nowMs);
      page.add(HELD, labels, heldRecords);
    }
    this.#replies.collect(page, nowMs);
  }
}
