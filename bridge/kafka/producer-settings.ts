/** How records are produced: the admin's settings -> properties of librdkafka. */
import { features, type ClientProperties } from './binding';

export interface ProducerSettings {
  /** -1: all in-sync replicas; 0: none, so nothing is known of delivery. */
  readonly acks: -1 | 0 | 1;
  readonly idempotence: boolean;
  /** How long one produce request may wait for the broker. */
  readonly requestTimeoutMs: number;
  readonly maxRecordsPerRequest: number;
  readonly maxBytesPerRequest: number;
  readonly maxRetries: number;
  readonly retryBackoffMs: number;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Set: clients are answered before the broker has acknowledged. */
  readonly buffering?: BufferingSettings | undefined;
}

export interface BufferingSettings {
  /** How long records wait for a fuller batch. */
  readonly flushIntervalMs: number;
  readonly maxRecords: number;
}

export const DEFAULT_PRODUCER_SETTINGS: ProducerSettings = {
  acks: -1,
  idempotence: true,
  requestTimeoutMs: 2000,
  maxRecordsPerRequest: 200,
  maxBytesPerRequest: 1_048_576,
  maxRetries: 10,
  retryBackoffMs: 100,
  compression: 'none',
};

/** Records that may wait in the client for their turn while a client waits for them. */
const QUEUED_RECORDS = 10_000;
/** How long a client of a one-way request waits for the report of its record, unless requests may take longer. */
const REPORT_TIMEOUT_MS = 3000;
/**
 * How long the library keeps trying to deliver a record, retries included. Longer than brokers take to replace one of
 * theirs (9 s and an election): the library starts a new epoch when it gives a record up, and then writes again what
 * other records' brokers may have written already, idempotent or not.
 */
const MESSAGE_TIMEOUT_MS = 30_000;
/** Nobody waits for a buffered record, but it was promised: it survives an outage of this length. Librdkafka's default. */
const BUFFERED_MESSAGE_TIMEOUT_MS = 300_000;
/** The last request of a record must have time to end before the record does. */
const MARGIN_MS = 1000;
/** Pauses between retries double up to this, or to the configured one where that is longer. */
const LONGEST_RETRY_BACKOFF_MS = 200;

/** Records that come within this count as coming together. */
const TOGETHER_MS = 10;

/** Always longer than one request to the broker. */
export function reportTimeoutMs({ requestTimeoutMs }: ProducerSettings): number {
  return Math.max(REPORT_TIMEOUT_MS, requestTimeoutMs + MARGIN_MS);
}

/** Of a whole record; always longer than one of its requests. */
export function messageTimeoutMs({ requestTimeoutMs, buffering }: ProducerSettings): number {
  const leastMs = requestTimeoutMs + MARGIN_MS;
  if (buffering === undefined) return Math.max(MESSAGE_TIMEOUT_MS, leastMs);
  return Math.max(BUFFERED_MESSAGE_TIMEOUT_MS, leastMs + buffering.flushIntervalMs);
}

export function settingsProperties(settings: ProducerSettings): ClientProperties {
  const { buffering } = settings;
  return {
    global: {
      // Retries after a broker failure would write records twice otherwise.
      'enable.idempotence': settings.idempotence,
      // Any value above 0 costs a waiting client 1.3 ms and more per record, even 0.1.
      'linger.ms': buffering?.flushIntervalMs ?? 0,
      // Records without a key that come together go to one partition, in one batch; with linger 0 each would go to a
      // partition, and so in a request, of its own.
      'sticky.partitioning.linger.ms': Math.max(TOGETHER_MS, buffering?.flushIntervalMs ?? 0),
      'queue.buffering.max.messages': buffering?.maxRecords ?? QUEUED_RECORDS,
      'batch.num.messages': settings.maxRecordsPerRequest,
      'batch.size': settings.maxBytesPerRequest,
      'message.send.max.retries': settings.maxRetries,
      'retry.backoff.ms': settings.retryBackoffMs,
      'retry.backoff.max.ms': Math.max(LONGEST_RETRY_BACKOFF_MS, settings.retryBackoffMs),
      'compression.codec': settings.compression,
    },
    topic: {
      acks: settings.acks,
      'request.timeout.ms': settings.requestTimeoutMs,
      'message.timeout.ms': messageTimeoutMs(settings),
    },
  };
}

/** Whether this build of the library has the codec: zstd needs a library that is not there everywhere. */
export function isCompressionBuiltIn(compression: ProducerSettings['compression']): boolean {
  return compression === 'none' || features.includes(compression);
}
