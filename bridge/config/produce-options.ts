/** The rows of how records are produced. Names and meanings are those of Kong's own Kafka plugins where they exist. */
import { isCompressionBuiltIn, type ProducerSettings } from '../kafka/producer-settings';
import { demands, IS_UNSET } from './entity-checks';
import type { ConfigOf, Field, OptionTable } from './fields';
import type { CrossRule } from './parse';

/** Who must have a record, and how it gets there. */
export const DELIVERY_OPTIONS = [
  {
    name: 'producer_request_acks',
    type: 'integer',
    oneOf: [-1, 0, 1],
    default: -1,
    connection: true,
    description:
      'Who must have a record before it counts as sent: -1 all in-sync replicas (default), 1 the leader, 0 nobody. Client property `acks`.',
  },
  {
    name: 'producer_idempotence',
    type: 'boolean',
    default: true,
    connection: true,
    description:
      'Retries never write a record twice. Default true. No effect unless `producer_request_acks` is -1, and none without retries. Client property `enable.idempotence`.',
  },
  {
    name: 'producer_request_timeout',
    type: 'integer',
    between: [100, 300_000],
    default: 2000,
    connection: true,
    description:
      'How long a produce request may wait for the broker, in milliseconds. Default 2000. One-way clients are answered 504 after this and 1 s, at 3 s the earliest; the record may still be written, as retries go on for 30 s. Client property `request.timeout.ms`.',
  },
  {
    name: 'producer_request_limits_messages_per_request',
    type: 'integer',
    between: [1, 1_000_000],
    default: 200,
    connection: true,
    description: 'Most records in one batch. Default 200. Client property `batch.num.messages`.',
  },
  {
    name: 'producer_request_limits_bytes_per_request',
    type: 'integer',
    between: [1024, 104_857_600],
    default: 1_048_576,
    connection: true,
    description:
      'Most bytes in one batch; a single larger record travels alone. Default 1 MiB. Client property `batch.size`.',
  },
  {
    name: 'producer_request_retries_max_attempts',
    type: 'integer',
    between: [0, 1000],
    default: 10,
    connection: true,
    description:
      'How often a failed record is sent again before it is given up. Default 10; 0: never. Client property `message.send.max.retries`.',
  },
  {
    name: 'producer_request_retries_backoff_timeout',
    type: 'integer',
    between: [1, 300_000],
    default: 100,
    connection: true,
    description:
      'Pause before the first retry, in milliseconds; later ones double up to 200 or this. Default 100. No effect without retries. Client property `retry.backoff.ms`.',
  },
] as const satisfies OptionTable;

/** Answers before the acknowledgement, which only one-way requests can get. */
export const ASYNC_OPTIONS = [
  {
    name: 'producer_async',
    type: 'boolean',
    default: false,
    connection: true,
    description:
      'Only without `reply_topic`. true: 200 as soon as the record is in the buffer, 503 while the broker is unreachable or the buffer full. Default false: 200 after the acknowledgement.',
  },
  {
    name: 'producer_async_flush_timeout',
    type: 'integer',
    between: [0, 60_000],
    default: 1000,
    connection: true,
    description:
      'With `producer_async`: how long records wait for a fuller batch, in milliseconds. Default 1000. No effect without it. Client property `linger.ms`.',
  },
  {
    name: 'producer_async_buffering_limits_messages_in_memory',
    type: 'integer',
    between: [1, 10_000_000],
    default: 50_000,
    connection: true,
    description:
      'With `producer_async`: most records in the buffer. Above it 503 overloaded. Default 50000. No effect without it. Client property `queue.buffering.max.messages`.',
  },
] as const satisfies OptionTable;

export const COMPRESSION = {
  name: 'compression_type',
  type: 'string',
  oneOf: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
  default: 'none',
  connection: true,
  description:
    'How batches are compressed: `none` (default), `gzip`, `snappy`, `lz4` or `zstd`. zstd needs a client library that was built with it. Client property `compression.codec`.',
} as const satisfies Field;

type DeliveryConfig = ConfigOf<readonly [...typeof DELIVERY_OPTIONS, typeof COMPRESSION]>;
type AsyncConfig = ConfigOf<typeof ASYNC_OPTIONS>;

const ASYNC_WITH_REPLY =
  'producer_async: only without reply_topic, because a request that waits for its reply is never answered early';

export const ASYNC_RULE: CrossRule<AsyncConfig & { readonly reply_topic: string | undefined }> = {
  complaint: (config) =>
    config.producer_async && config.reply_topic !== undefined ? ASYNC_WITH_REPLY : undefined,
  kong: [demands('producer_async', { eq: true }, 'reply_topic', IS_UNSET, ASYNC_WITH_REPLY)],
};

export const COMPRESSION_RULE: CrossRule<ConfigOf<readonly [typeof COMPRESSION]>> = {
  complaint: ({ compression_type }) =>
    isCompressionBuiltIn(compression_type)
      ? undefined
      : `compression_type: the Kafka client library of this gateway was built without ${compression_type}`,
};

/** @param async where requests may be answered before their record is acknowledged */
export function producerSettings(config: DeliveryConfig, async?: AsyncConfig): ProducerSettings {
  return {
    acks: config.producer_request_acks,
    // Without acknowledgements nobody could tell what to send again, and without retries nothing is sent again.
    idempotence:
      config.producer_idempotence &&
      config.producer_request_acks === -1 &&
      config.producer_request_retries_max_attempts > 0,
    requestTimeoutMs: config.producer_request_timeout,
    maxRecordsPerRequest: config.producer_request_limits_messages_per_request,
    maxBytesPerRequest: config.producer_request_limits_bytes_per_request,
    maxRetries: config.producer_request_retries_max_attempts,
    retryBackoffMs: config.producer_request_retries_backoff_timeout,
    compression: config.compression_type,
    buffering: async?.producer_async
      ? {
          flushIntervalMs: async.producer_async_flush_timeout,
          maxRecords: async.producer_async_buffering_limits_messages_in_memory,
        }
      : undefined,
  };
}
