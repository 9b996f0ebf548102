/** What the metrics cost: the counting in the path of a request, and a scrape. In this process, without Kafka. */
import { systemClock } from '../../bridge/clock';
import { ClientMetrics, type ClusterReading } from '../../bridge/telemetry/client-metrics';
import { Metrics, OPEN_METRICS_TYPE } from '../../bridge/telemetry/metrics';
import { ReplyMetrics, type ReplyTopicReading } from '../../bridge/telemetry/reply-metrics';
import {
  AllRequestMetrics,
  type ConfigurationReading,
  type RequestMetrics,
} from '../../bridge/telemetry/request-metrics';

export interface Cost {
  readonly nsPerRequest: number;
  readonly msPerScrape: number;
  readonly lines: number;
  readonly bytes: number;
  /** What more is held after all requests, with a scrape for every thousandth. */
  readonly heapGrowthBytes: number;
}

const WARM_UP_REQUESTS = 100_000;
const SCRAPES = 100;
const REQUESTS_PER_SCRAPE = 1000;
const RECORD = { key: null, value: Buffer.alloc(200) };
const TIMEOUT_MS = 5000;
const CLUSTER = 'main';

/** @param heldBytes what is held after a collection of garbage */
export function measure(configurations: number, requests: number, heldBytes: () => number): Cost {
  const { metrics, routes } = build(configurations);
  const ids = Array.from({ length: 1000 }, (_, number) => number.toString(16).padStart(32, '0'));
  const count = (many: number): void => {
    for (let number = 0; number < many; number++) {
      const route = routes[number % routes.length] as RequestMetrics;
      countRequest(route, number % 200, ids[number % ids.length] as string);
    }
  };
  count(WARM_UP_REQUESTS);
  const nsPerRequest = (cpuMsOf(() => count(requests)) * 1e6) / requests;

  const scrape = (): string[] => partsOf(metrics);
  const scrapes = (): void => {
    for (let number = 0; number < SCRAPES; number++) scrape();
  };
  const msPerScrape = cpuMsOf(scrapes) / SCRAPES;

  const heldBefore = heldBytes();
  for (let done = 0; done < requests; done += REQUESTS_PER_SCRAPE) {
    count(REQUESTS_PER_SCRAPE);
    scrape();
  }
  const heapGrowthBytes = heldBytes() - heldBefore;
  const text = scrape().join('');
  return {
    nsPerRequest,
    msPerScrape,
    lines: text.split('\n').length - 1,
    bytes: Buffer.byteLength(text),
    heapGrowthBytes,
  };
}

function partsOf(metrics: Metrics): string[] {
  const scrape = metrics.scrape(OPEN_METRICS_TYPE);
  const parts: string[] = [];
  for (let part = scrape.next(); part.done !== true; part = scrape.next()) parts.push(part.value);
  return parts;
}

/** Not how long it took: something else may be running. */
function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** All that a request with a reply counts, on its way from the handler and back. */
function countRequest(route: RequestMetrics, ageMs: number, requestId: string): void {
  const sinceMs = route.nowMs() - ageMs;
  route.timeoutMs = TIMEOUT_MS;
  route.produced(RECORD);
  route.reported(undefined, sinceMs);
  route.replied(RECORD, sinceMs);
  route.answered('ok', sinceMs, requestId);
}

function build(configurations: number): { metrics: Metrics; routes: RequestMetrics[] } {
  const readings: ConfigurationReading[] = [];
  const requests = new AllRequestMetrics(systemClock, () => readings);
  for (let number = 0; number < configurations; number++) {
    const { metrics } = requests.acquire({
      plugin: 'custom_kafka_request_reply',
      cluster: CLUSTER,
      topic: `service-${number}.requests`,
      replyTopic: `service-${number}.replies`,
    });
    readings.push({ metrics, ready: true, inFlight: 0, capacity: 10_000 });
  }
  const replyTopics = readings.map((source, number): ReplyTopicReading => ({
    source,
    cluster: CLUSTER,
    replyTopic: `service-${number}.replies`,
    counts: {
      matched: 1,
      late: 0,
      duplicate: 0,
      accepted: 0,
      foreign: 0,
      misrouted: 0,
      unidentified: 0,
      request: 0,
    },
    heldRecords: 0,
  }));
  const client = {
    source: readings,
    state: 'up',
    counts: { connects: 1, failedConnects: 0, replaced: 0 },
  } as const;
  const cluster: ClusterReading = {
    cluster: CLUSTER,
    producer: { ...client, records: { delivered: 1, failed: 0, refused: 0 }, outstanding: 0 },
    reader: {
      ...client,
      source: replyTopics,
      records: 1,
      errors: 0,
      topics: replyTopics.map(({ replyTopic: topic }) => ({
        topic,
        isReading: true,
        lagRecords: 0,
        lastRecordAtMs: 1,
      })),
    },
  };
  const metrics = new Metrics([
    requests,
    new ReplyMetrics(systemClock, () => replyTopics),
    new ClientMetrics(systemClock, () => [cluster]),
  ]);
  return { metrics, routes: readings.map((reading) => reading.metrics) };
}
