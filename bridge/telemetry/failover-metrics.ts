/** What became of the requests whose upstream failed. */
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';

export interface FailoverReading {
  readonly marked: number;
  readonly kept: number;
  /** Of those, without a try at their upstream, and after their clients were told of the failure. */
  readonly keptAtOnce: number;
  readonly keptByLog: number;
  /** By reason. */
  readonly notKept: Readonly<Record<string, number>>;
  readonly inFlight: number;
  /** Once for each configuration that leaves it alone. */
  readonly openServices: readonly string[];
}

const MARKED: Family = {
  name: 'kong_kafka_failover_marked_requests_total',
  type: 'counter',
  help: 'Requests on their way to an upstream that would be kept if it failed.',
  labels: [],
};
const FAILED: Family = {
  name: 'kong_kafka_failover_requests_total',
  type: 'counter',
  help: 'Requests whose upstream failed, by result: kept (in Kafka, and its client told so), kept_at_once (the same without a try at the upstream, by an open breaker), kept_by_log (in Kafka after its client had the error), or why it was not and its client got the error.',
  labels: ['result'],
};
const IN_FLIGHT: Family = {
  name: 'kong_kafka_failover_requests_in_flight',
  type: 'gauge',
  help: 'Requests that are being kept now.',
  labels: [],
};
const OPEN_BREAKERS: Family = {
  name: 'kong_kafka_failover_open_breakers',
  type: 'gauge',
  help: 'Services whose requests are kept without a try at their upstream, by how many breakers. Absent while there is none.',
  labels: ['service'],
};

export const FAILOVER_FAMILIES: readonly Family[] = [MARKED, FAILED, IN_FLIGHT, OPEN_BREAKERS];

export class FailoverMetrics implements MetricGroup {
  readonly families = FAILOVER_FAMILIES;

  /** @param reading asked at each scrape */
  constructor(private readonly reading: () => FailoverReading) {}

  collect(page: MetricsPage): void {
    const { marked, kept, keptAtOnce, keptByLog, notKept, inFlight, openServices } = this.reading();
    page.add(MARKED, '', marked);
    page.add(FAILED, labelText({ result: 'kept' }), kept - keptAtOnce - keptByLog);
    page.add(FAILED, labelText({ result: 'kept_at_once' }), keptAtOnce);
    page.add(FAILED, labelText({ result: 'kept_by_log' }), keptByLog);
    for (const [result, count] of Object.entries(notKept)) page.add(FAILED, labelText({ result }), count);
    page.add(IN_FLIGHT, '', inFlight);
    const open = new Map<string, number>();
    for (const service of openServices) open.set(service, (open.get(service) ?? 0) + 1);
    for (const [service, count] of open) page.add(OPEN_BREAKERS, labelText({ service }), count);
  }
}
