/** The rows of how log entries are produced: those of requests, for records that nobody waits for. */
import type { SinkLimits } from '../log-sink/log-sink';
import type { ProducerSettings } from '../kafka/producer-settings';
import { demands } from './entity-checks';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';
import {
  ASYNC_OPTIONS,
  COMPRESSION,
  COMPRESSION_RULE,
  DELIVERY_OPTIONS,
  producerSettings,
} from './produce-options';

const [ACKS, IDEMPOTENCE, REQUEST_TIMEOUT, MESSAGES_PER_REQUEST, BYTES_PER_REQUEST, MAX_ATTEMPTS, BACKOFF] =
  DELIVERY_OPTIONS;
const [ASYNC, FLUSH_TIMEOUT, MESSAGES_IN_MEMORY] = ASYNC_OPTIONS;

export const LOG_PRODUCE_OPTIONS = [
  ACKS,
  IDEMPOTENCE,
  {
    ...REQUEST_TIMEOUT,
    description:
      'How long a produce request may wait for the broker before it is sent again, in milliseconds. Default 2000. Client property `request.timeout.ms`.',
  },
  MESSAGES_PER_REQUEST,
  BYTES_PER_REQUEST,
  {
    ...MAX_ATTEMPTS,
    // While a partition changes its leader each attempt takes a fifth of a second, and nobody waits.
    default: 1000,
    description:
      'How often a failed record is sent again before it is lost. Default 1000, as a broker that starts refuses many; after 5 minutes in the client it is lost all the same. 0: never. Client property `message.send.max.retries`.',
  },
  BACKOFF,
  {
    ...ASYNC,
    default: true,
    description: 'Must be true (default): no request waits for its log entry.',
  },
  {
    ...FLUSH_TIMEOUT,
    description:
      'How long entries wait for a fuller batch, in milliseconds. Default 1000. A process that is killed loses what it held, up to this. Client property `linger.ms`.',
  },
  {
    ...MESSAGES_IN_MEMORY,
    description:
      'Most entries of this configuration in memory. Default 50000. When there are more, the oldest are dropped, counted and told. Half of them may be in the client library at once.',
  },
  {
    name: 'producer_async_buffering_limits_bytes_in_memory',
    type: 'integer',
    between: [1_048_576, 1_073_741_824],
    default: 67_108_864,
    connection: true,
    description:
      'Most bytes of entries of this configuration in memory, with some 500 for each entry. Default 64 MiB. When there are more, the oldest are dropped. All configurations of a plugin server together hold 256 MiB.',
  },
  {
    ...COMPRESSION,
    default: 'lz4',
    description:
      'How batches are compressed: `none`, `gzip`, `snappy`, `lz4` (default) or `zstd`. lz4 makes them a sixth of their size for little time; zstd needs a client library that was built with it. Client property `compression.codec`.',
  },
] as const satisfies OptionTable;

type LogProduceConfig = ConfigOf<typeof LOG_PRODUCE_OPTIONS>;

const ALWAYS_ASYNC = 'producer_async: must be true, as no request waits for its log entry';

export const LOG_PRODUCE_RULES: CrossRule<LogProduceConfig>[] = [
  {
    complaint: ({ producer_async }) => (producer_async ? undefined : ALWAYS_ASYNC),
    kong: [demands('producer_async', { eq: false }, 'producer_async', { eq: true }, ALWAYS_ASYNC)],
  },
  COMPRESSION_RULE,
];

export function logProducerSettings(config: LogProduceConfig): ProducerSettings {
  return producerSettings(config, config);
}

export function sinkLimits(config: LogProduceConfig): SinkLimits {
  return {
    maxRecords: config.producer_async_buffering_limits_messages_in_memory,
    maxBytes: config.producer_async_buffering_limits_bytes_in_memory,
  };
}
