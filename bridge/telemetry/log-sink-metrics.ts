/** What became of the log entries of Kong, over all sinks of this process. */
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';

export interface LogSinksReading {
  readonly totals: Readonly<
    Record<'delivered' | 'dropped' | 'lost' | 'not_wanted' | 'unreadable' | 'too_large', number>
  >;
  readonly heldEntries: number;
  readonly heldBytes: number;
}

const ENTRIES: Family = {
  name: 'kong_kafka_log_entries_total',
  type: 'counter',
  help: 'Log entries by result: delivered (acknowledged), dropped (pushed out of the full buffer), lost (given up by the client or refused by the broker), not_wanted (left out by filters and samples), unreadable or too_large.',
  labels: ['result'],
};
const HELD: Family = {
  name: 'kong_kafka_log_held_entries',
  type: 'gauge',
  help: 'Log entries in memory that no broker has acknowledged yet.',
  labels: [],
};
const HELD_BYTES: Family = {
  name: 'kong_kafka_log_held_bytes',
  type: 'gauge',
  help: 'What these take, with some 500 bytes for each.',
  labels: [],
};

export const LOG_SINK_FAMILIES: readonly Family[] = [ENTRIES, HELD, HELD_BYTES];

export class LogSinkMetrics implements MetricGroup {
  readonly families = LOG_SINK_FAMILIES;

  /** @param reading asked at each scrape */
  constructor(private readonly reading: () => LogSinksReading) {}

  collect(page: MetricsPage): void {
    const { totals, heldEntries, heldBytes } = this.reading();
    for (const result of RESULTS) page.add(ENTRIES, labelText({ result }), totals[result]);
    page.add(HELD, '', heldEntries);
    page.add(HELD_BYTES, '', heldBytes);
  }
}

const RESULTS = ['delivered', 'dropped', 'lost', 'not_wanted', 'unreadable', 'too_large'] as const;
