/** The rows of how a request gets to Kafka, whichever plugin sends it, and the rules across them. */
import { DIALECT_NAMES } from '../reply/dialects';
import { CORRELATIONS } from '../request/correlation-id';
import { CONNECTION_OPTIONS, CONNECTION_RULES, SOCKET_TIMEOUT } from './connection-options';
import type { ConfigOf, OptionTable } from './fields';
import type { CrossRule } from './parse';
import type { COMPRESSION, DELIVERY_OPTIONS } from './produce-options';
import { COMPRESSION_RULE } from './produce-options';
import { REFUSED_OPTIONS, REFUSED_RULES } from './refused-options';
import { IDEMPOTENCY_OPTIONS, IDEMPOTENCY_RULES } from './idempotency-options';
import { REQUEST_SCHEMA_REGISTRY, REQUEST_SCHEMA_RULES } from './schema-registry-options';
import type { RECORD_OPTIONS } from './record-options';
import { RECORD_RULES } from './record-options';
import { ROUTING_RULES, type RoutingConfig } from './routing-options';
import type { ERROR_HANDLING } from './shared-options';
import { BOOTSTRAP_SERVER_LIST, HEADER_NAME, TOPIC_NAME } from './shared-options';
import type { LOG_FIELDS } from './trace-options';
import { TRACE_OPTIONS } from './trace-options';

/** Where the records go. */
export const TARGET_OPTIONS = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    required: true,
    description:
      'Brokers to start from; the rest of the cluster is learned from them. At least one. For TLS set `security.ssl`, for a login `authentication.strategy`.',
  },
  ...CONNECTION_OPTIONS,
  SOCKET_TIMEOUT,
  {
    ...TOPIC_NAME,
    name: 'topic',
    required: true,
    description:
      'Topic the records go to. For replies set `reply_topic` too; that of custom_kafka_producer is among the advanced parameters of Kong Manager.',
  },
] as const satisfies OptionTable;

/** How the reply is asked for, and the limits. */
export const REQUEST_OPTIONS = [
  {
    name: 'dialects',
    type: 'array',
    elements: { type: 'string', oneOf: DIALECT_NAMES },
    default: ['plain', 'spring', 'smallrye'],
    description: `Families of record headers that tell the responder the correlation id and the reply topic: ${DIALECT_NAMES.map((name) => `\`${name}\``).join(', ')}. Default: plain, spring and smallrye; \`spring\` also serves NestJS. No effect without \`reply_topic\`.`,
  },
  {
    ...HEADER_NAME,
    name: 'correlation_header',
    default: 'Kong-Request-ID',
    description:
      'Request header in which the Correlation ID plugin puts its id. The id travels on as a record header of that name; set here if it is missing.',
  },
  {
    name: 'correlation',
    type: 'string',
    oneOf: CORRELATIONS,
    default: 'generated',
    description:
      'The id by which the reply is found. `generated` (default): a random one per request that nobody can guess. `client`: what `correlation_header` says; 409 while it is in flight on the reply topic in this gateway, and for twice the timeout after. Caution with `client`: who knows an id can ask through another gateway for its reply, unless the service copies the record header `kong-kafka-request-id`. Without `reply_topic` it only stands in the record.',
  },
  {
    name: 'max_in_flight',
    type: 'integer',
    between: [1, 1_000_000],
    default: 10_000,
    description:
      'Requests of this configuration that may wait at once. Above it 503 overloaded, at once. No effect without `reply_topic`.',
  },
  {
    name: 'max_request_bytes',
    type: 'integer',
    // The upper bound is the largest frame the plugin server accepts from Kong, less room for the rest of it.
    between: [0, 16_777_216],
    default: 1_048_576,
    description:
      'Largest request body in bytes, and where the message format decodes it, also afterwards. Above it 413, before anything is sent. Default 1 MiB, at most 16 MiB.',
  },
  ...IDEMPOTENCY_OPTIONS,
  REQUEST_SCHEMA_REGISTRY,
  ...REFUSED_OPTIONS,
  ...TRACE_OPTIONS,
] as const satisfies OptionTable;

/** What every plugin that sends requests is configured with; `reply_topic` may be required or not. */
export type RequestConfig = RoutingConfig &
  ConfigOf<
    readonly [
      ...typeof TARGET_OPTIONS,
      ...typeof RECORD_OPTIONS,
      ...typeof REQUEST_OPTIONS,
      ...typeof DELIVERY_OPTIONS,
      typeof COMPRESSION,
      typeof LOG_FIELDS,
      typeof ERROR_HANDLING,
    ]
  >;

export const REQUEST_RULES: readonly CrossRule<RequestConfig>[] = [
  ...CONNECTION_RULES,
  ...RECORD_RULES,
  ...ROUTING_RULES,
  {
    complaint: (config) =>
      config.reply_topic !== undefined && config.reply_topic === config.topic && config.dialects.length === 0
        ? 'dialects: must name at least one when reply_topic and topic are the same, to tell requests from replies'
        : undefined,
  },
  COMPRESSION_RULE,
  ...IDEMPOTENCY_RULES,
  ...REQUEST_SCHEMA_RULES,
  ...REFUSED_RULES,
];
