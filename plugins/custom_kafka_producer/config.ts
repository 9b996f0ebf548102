/** Every option of custom_kafka_producer. The Kong schema, the check, the type and the reference come from here. */
import { PRODUCE_OPTIONS, PRODUCE_RULES } from '../../bridge/config/produce-options';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import { CONNECTION_OPTIONS, CONNECTION_RULES, SOCKET_TIMEOUT } from '../../bridge/config/connection-options';
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginIdentity } from '../../bridge/config/kong-schema';
import {
  BOOTSTRAP_SERVER_LIST,
  ERROR_HANDLING,
  HEADER_NAME,
  TOPIC_NAME,
} from '../../bridge/config/shared-options';
import { DIALECT_NAMES } from '../../bridge/reply/dialects';
import { CORRELATIONS } from '../../bridge/request/correlation-id';
import { version } from '../../bridge/version';
import { TRACE_OPTIONS } from '../../bridge/config/trace-options';
import { RECORD_OPTIONS, RECORD_RULES } from './record-options';
import { ROUTING_OPTIONS, ROUTING_RULES } from './routing-options';

export const PRODUCER: PluginIdentity = {
  name: 'custom_kafka_producer',
  version,
  // After authentication, rate limits and transformers; before request-termination (2), which can guard the route.
  priority: 740,
  phases: ['access'],
};

export const PRODUCER_PURPOSE =
  'Turns an HTTP request into a Kafka record, and with `reply_topic` registers the wait for its reply.';

export const PRODUCER_OPTIONS = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    required: true,
    description: 'Brokers to start from; the rest of the cluster is learned from them. At least one.',
  },
  ...CONNECTION_OPTIONS,
  SOCKET_TIMEOUT,
  {
    ...TOPIC_NAME,
    name: 'topic',
    required: true,
    description:
      'Topic the records go to. For replies set `reply_topic` too, which Kong Manager shows under the advanced parameters.',
  },
  ...ROUTING_OPTIONS,
  ...RECORD_OPTIONS,
  ...TRACE_OPTIONS,
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
  ...PRODUCE_OPTIONS,
  ERROR_HANDLING,
] as const satisfies OptionTable;

export type ProducerConfig = ConfigOf<typeof PRODUCER_OPTIONS>;

export const PRODUCER_RULES: CrossRule<ProducerConfig>[] = [
  ...CONNECTION_RULES,
  ...RECORD_RULES,
  ...ROUTING_RULES,
  {
    complaint: (config) =>
      config.reply_topic !== undefined && config.reply_topic === config.topic && config.dialects.length === 0
        ? 'dialects: must name at least one when reply_topic and topic are the same, to tell requests from replies'
        : undefined,
  },
  ...PRODUCE_RULES,
];

export const parseProducerConfig = configParser(PRODUCER_OPTIONS, PRODUCER_RULES);
