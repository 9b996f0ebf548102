/** Every option of custom_kafka_request_reply. The Kong schema, the check, the type and the reference come from here. */
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginDefinition, PluginIdentity } from '../../bridge/config/kong-schema';
import { rulesInside } from '../../bridge/config/nested-rules';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import { COMPRESSION, DELIVERY_OPTIONS } from '../../bridge/config/produce-options';
import { RECORD_OPTIONS } from '../../bridge/config/record-options';
import { REQUEST_OPTIONS, REQUEST_RULES, TARGET_OPTIONS } from '../../bridge/config/request-options';
import { RESULT_OF_REQUEST_RULES, STREAM_OF_REQUEST_RULES } from '../../bridge/config/result-options';
import { REPLY_TOPIC, ROUTING_OPTIONS } from '../../bridge/config/routing-options';
import { SEVERAL_REPLIES_OF_REQUEST_RULES } from '../../bridge/config/several-replies-rules';
import { STATES_OF_REQUEST_RULES } from '../../bridge/config/state-options';
import { ERROR_HANDLING } from '../../bridge/config/shared-options';
import { LOG_FIELDS } from '../../bridge/config/trace-options';
import { WAIT_OPTIONS, WAIT_RULES } from '../../bridge/config/wait-options';
import { version } from '../../bridge/version';

export const REQUEST_REPLY: PluginIdentity = {
  name: 'custom_kafka_request_reply',
  version,
  purpose:
    'Turns an HTTP request into a Kafka record, holds the client until the reply arrives, and answers with it: what custom_kafka_producer and custom_kafka_consumer do together, in one plugin. Not on a route that has one of those two.',
  // Where the producer (740) and the consumer (730) are.
  priority: 735,
  phases: ['access'],
};

/** Without those of one-way requests: every request here waits for its reply. */
export const REQUEST_REPLY_OPTIONS = [
  ...TARGET_OPTIONS,
  {
    ...REPLY_TOPIC,
    required: true,
    description:
      'Topic the replies arrive on. How long a client waits for them says `reply.timeout`. With `reply_routing: topic` a template with `{node}`.',
  },
  ...ROUTING_OPTIONS,
  ...RECORD_OPTIONS,
  ...REQUEST_OPTIONS,
  ...DELIVERY_OPTIONS,
  COMPRESSION,
  {
    name: 'reply',
    type: 'record',
    description: 'How long the client is held, how its reply is found, and what becomes of it.',
    fields: WAIT_OPTIONS,
  },
  LOG_FIELDS,
  ERROR_HANDLING,
] as const satisfies OptionTable;

export type RequestReplyConfig = ConfigOf<typeof REQUEST_REPLY_OPTIONS>;

export const REQUEST_REPLY_RULES: CrossRule<RequestReplyConfig>[] = [
  ...REQUEST_RULES,
  ...rulesInside('reply', WAIT_RULES),
  ...RESULT_OF_REQUEST_RULES,
  ...STREAM_OF_REQUEST_RULES,
  ...STATES_OF_REQUEST_RULES,
  ...SEVERAL_REPLIES_OF_REQUEST_RULES,
];

export const parseRequestReplyConfig = configParser(REQUEST_REPLY_OPTIONS, REQUEST_REPLY_RULES);

export const DEFINITION: PluginDefinition = {
  identity: REQUEST_REPLY,
  options: REQUEST_REPLY_OPTIONS,
  rules: REQUEST_REPLY_RULES,
};
