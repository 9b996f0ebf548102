/** Every option of custom_kafka_producer. The Kong schema, the check, the type and the reference come from here. */
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginDefinition, PluginIdentity } from '../../bridge/config/kong-schema';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import {
  ASYNC_OPTIONS,
  ASYNC_RULE,
  COMPRESSION,
  DELIVERY_OPTIONS,
} from '../../bridge/config/produce-options';
import { RECORD_OPTIONS } from '../../bridge/config/record-options';
import { REQUEST_OPTIONS, REQUEST_RULES, TARGET_OPTIONS } from '../../bridge/config/request-options';
import { REPLY_TOPIC, ROUTING_OPTIONS } from '../../bridge/config/routing-options';
import { ERROR_HANDLING } from '../../bridge/config/shared-options';
import { LOG_FIELDS } from '../../bridge/config/trace-options';
import { version } from '../../bridge/version';

export const PRODUCER: PluginIdentity = {
  name: 'custom_kafka_producer',
  version,
  purpose:
    'Turns an HTTP request into a Kafka record, and with `reply_topic` registers the wait for its reply.',
  // After authentication, rate limits and transformers; before request-termination (2), which can guard the route.
  priority: 740,
  phases: ['access'],
};

export const PRODUCER_OPTIONS = [
  ...TARGET_OPTIONS,
  {
    ...REPLY_TOPIC,
    description:
      'Topic the replies arrive on. Set: the client is held by custom_kafka_consumer until the reply. Unset: one-way; the client gets 200 at once, and custom_kafka_consumer on the route never runs. With `reply_routing: topic` a template with `{node}`.',
  },
  ...ROUTING_OPTIONS,
  ...RECORD_OPTIONS,
  ...REQUEST_OPTIONS,
  ...DELIVERY_OPTIONS,
  ...ASYNC_OPTIONS,
  COMPRESSION,
  LOG_FIELDS,
  ERROR_HANDLING,
] as const satisfies OptionTable;

export type ProducerConfig = ConfigOf<typeof PRODUCER_OPTIONS>;

export const PRODUCER_RULES: CrossRule<ProducerConfig>[] = [...REQUEST_RULES, ASYNC_RULE];

export const parseProducerConfig = configParser(PRODUCER_OPTIONS, PRODUCER_RULES);

export const DEFINITION: PluginDefinition = {
  identity: PRODUCER,
  options: PRODUCER_OPTIONS,
  rules: PRODUCER_RULES,
};
