/** The Kafka clients of this process: whether they are there, what they carry, how far behind they read. */
import type { Clock } from '../clock';
import { labelText, type Family, type MetricGroup, type MetricsPage } from './metrics';
import { RunningTotals } from './running-totals';

export interface ClusterReading {
  readonly cluster: string;
  readonly producer: ProducerReading;
  /** Undefined while nothing is read. */
  readonly reader: ReaderReading | undefined;
}

export interface ClientReading {
  /** What has counted. */
  readonly source: object;
  readonly state: ClientState;
  readonly counts: Readonly<Record<'connects' | 'failedConnects' | 'replaced', number>>;
}

export interface ProducerReading extends ClientReading {
  readonly records: Readonly<Record<'delivered' | 'failed' | 'refused', number>>;
  readonly outstanding: number;
}

export interface ReaderReading extends ClientReading {
  readonly records: number;
  readonly errors: number;
  readonly topics: readonly FollowedTopicReading[];
}

export interface FollowedTopicReading {
  readonly topic: string;
  readonly isReading: boolean;
  /** Records between what was read and the end of the topic, over its partitions; undefined while it is not known. */
  readonly lagRecords: number | undefined;
  /** Milliseconds since 1970; undefined while none has come. */
  readonly lastRecordAtMs: number | undefined;
}

const STATES = ['connecting', 'up', 'down'] as const;
type ClientState = (typeof STATES)[number];

const CLIENT = ['cluster', 'client'] as const;
const TOPIC = ['cluster', 'reply_topic'] as const;

const CLIENTS: Family = {
  name: 'kong_kafka_clients',
  type: 'gauge',
  help: 'Kafka clients by kind (producer, reader) and state (connecting, up, down). Configurations with the same connection share theirs.',
  labels: [...CLIENT, 'state'],
};
const CONNECTS: Family = {
  name: 'kong_kafka_client_connects_total',
  type: 'counter',
  help: 'Clients that got their first connection: one at the start, one after each replacement.',
  labels: CLIENT,
};
const FAILED_CONNECTS: Family = {
  name: 'kong_kafka_client_failed_connects_total',
  type: 'counter',
  help: 'Attempts of a client to get its first connection that failed.',
  labels: CLIENT,
};
const REPLACEMENTS: Family = {
  name: 'kong_kafka_client_replacements_total',
  type: 'counter',
  help: 'Clients that could not be trusted any more and were replaced by new ones.',
  labels: CLIENT,
};
const RECORDS: Family = {
  name: 'kong_kafka_produced_records_total',
  type: 'counter',
  help: 'Records for a cluster by result: delivered (acknowledged), failed (accepted, not acknowledged) or refused (never accepted).',
  labels: ['cluster', 'result'],
};
const OUTSTANDING: Family = {
  name: 'kong_kafka_outstanding_records',
  type: 'gauge',
  help: 'Records that were accepted and have no acknowledgement yet.',
  labels: ['cluster'],
};
const READ_RECORDS: Family = {
  name: 'kong_kafka_read_records_total',
  type: 'counter',
  help: 'Records read from all reply topics of a cluster.',
  labels: ['cluster'],
};
const READ_ERRORS: Family = {
  name: 'kong_kafka_read_errors_total',
  type: 'counter',
  help: 'Errors the reader was told of.',
  labels: ['cluster'],
};
const READING: Family = {
  name: 'kong_kafka_reader_topics',
  type: 'gauge',
  help: 'Reply topics by state: reading, or waiting while they are missing, may not be read, or no broker answers.',
  labels: [...TOPIC, 'state'],
};
const LAG: Family = {
  name: 'kong_kafka_reader_lag_records',
  type: 'gauge',
  help: 'Records on the reply topic that were not read yet, as far as the last answers of the brokers tell.',
  labels: TOPIC,
  ofWorkers: 'max',
};
const LAST_RECORD: Family = {
  name: 'kong_kafka_reader_last_record_timestamp_seconds',
  type: 'gauge',
  help: 'When the last record of the reply topic was read, in seconds since 1970. Absent until the first.',
  labels: TOPIC,
  ofWorkers: 'max',
};

export const CLIENT_FAMILIES: readonly Family[] = [
  CLIENTS,
  CONNECTS,
  FAILED_CONNECTS,
  REPLACEMENTS,
  RECORDS,
  OUTSTANDING,
  READ_RECORDS,
  READ_ERRORS,
  READING,
  LAG,
  LAST_RECORD,
];

export class ClientMetrics implements MetricGroup {
  readonly families = CLIENT_FAMILIES;
  readonly #connects = new RunningTotals(CONNECTS);
  readonly #failedConnects = new RunningTotals(FAILED_CONNECTS);
  readonly #replacements = new RunningTotals(REPLACEMENTS);
  readonly #records = new RunningTotals(RECORDS);
  readonly #readRecords = new RunningTotals(READ_RECORDS);
  readonly #readErrors = new RunningTotals(READ_ERRORS);
  readonly #clock: Clock;
  readonly #readings: () => readonly ClusterReading[];

  constructor(clock: Clock, readings: () => readonly ClusterReading[]) {
    this.#clock = clock;
    this.#readings = readings;
  }

  collect(page: MetricsPage): void {
    const nowMs = this.#clock.now();
    const lastRecords = new Map<string, number>();
    for (const { cluster, producer, reader } of this.#readings()) {
      this.#readProducer(page, cluster, producer, nowMs);
      if (reader === undefined) continue;
      this.#readReader(page, cluster, reader, nowMs);
      for (const { topic, lastRecordAtMs } of reader.topics) {
        if (lastRecordAtMs === undefined) continue;
        const labels = labelText({ cluster, reply_topic: topic });
        lastRecords.set(labels, Math.max(lastRecordAtMs, lastRecords.get(labels) ?? 0));
      }
    }
    for (const [labels, atMs] of lastRecords) page.add(LAST_RECORD, labels, atMs / 1000);
    const totals = [
      this.#connects,
      this.#failedConnects,
      this.#replacements,
      this.#records,
      this.#readRecords,
      this.#readErrors,
    ];
    for (const total of totals) total.collect(page, nowMs);
  }

  #readClient(
    page: MetricsPage,
    labels: string,
    { source, state, counts }: ClientReading,
    nowMs: number,
  ): void {
    for (const each of STATES) page.add(CLIENTS, `${labels},state="${each}"`, each === state ? 1 : 0);
    this.#connects.read(source, labels, counts.connects, nowMs);
    this.#failedConnects.read(source, labels, counts.failedConnects, nowMs);
    this.#replacements.read(source, labels, counts.replaced, nowMs);
  }

  #readProducer(page: MetricsPage, cluster: string, producer: ProducerReading, nowMs: number): void {
    this.#readClient(page, labelText({ cluster, client: 'producer' }), producer, nowMs);
    const labels = labelText({ cluster });
    for (const [result, count] of Object.entries(producer.records))
      this.#records.read(producer.source, `${labels},result="${result}"`, count, nowMs);
    page.add(OUTSTANDING, labels, producer.outstanding);
  }

  #readReader(page: MetricsPage, cluster: string, reader: ReaderReading, nowMs: number): void {
    this.#readClient(page, labelText({ cluster, client: 'reader' }), reader, nowMs);
    const labels = labelText({ cluster });
    this.#readRecords.read(reader.source, labels, reader.records, nowMs);
    this.#readErrors.read(reader.source, labels, reader.errors, nowMs);
    for (const { topic, isReading, lagRecords } of reader.topics) {
      const ofTopic = labelText({ cluster, reply_topic: topic });
      page.add(READING, `${ofTopic},state="reading"`, isReading ? 1 : 0);
      page.add(READING, `${ofTopic},state="waiting"`, isReading ? 0 : 1);
      if (lagRecords !== undefined) page.add(LAG, ofTopic, lagRecords);
    }
  }
}
