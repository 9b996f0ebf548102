/** Every option of custom_kafka_consumer. The Kong schema, the check, the type and the reference come from here. */
import {
  CONNECTION_OPTIONS,
  CONNECTION_RULES,
  CONNECTION_WITHOUT_SERVERS,
} from '../../bridge/config/connection-options';
import { IS_SET, requires } from '../../bridge/config/entity-checks';
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginDefinition, PluginIdentity } from '../../bridge/config/kong-schema';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import { REFUSED_OPTIONS, REFUSED_RULES } from '../../bridge/config/refused-options';
import { REPLY_SCHEMA_REGISTRY, REPLY_SCHEMA_RULES } from '../../bridge/config/schema-registry-options';
import { RESULT_OF_CONSUMER_RULES } from '../../bridge/config/result-options';
import { BOOTSTRAP_SERVER_LIST, ERROR_HANDLING, TOPIC_TEMPLATE } from '../../bridge/config/shared-options';
import { LOG_FIELDS } from '../../bridge/config/trace-options';
import { WAIT_OPTIONS, WAIT_RULES } from '../../bridge/config/wait-options';
import { version } from '../../bridge/version';

export const CONSUMER: PluginIdentity = {
  name: 'custom_kafka_consumer',
  version,
  purpose:
    'Holds the client until the reply to the record of custom_kafka_producer arrives, and answers with it. It never runs where the producer on the route has no `reply_topic`.',
  // Right after the producer, before request-termination (2), which can guard the route.
  priority: 730,
  phases: ['access'],
};

export const CONSUMER_OPTIONS = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    description:
      "Brokers of the reply topic. Default: the producer's. Needed with `mode: result`, which has no producer, with `mode: stream` and `result_secret`, and where the two plugins run in separate processes; else no effect.",
  },
  ...CONNECTION_OPTIONS,
  {
    ...TOPIC_TEMPLATE,
    name: 'topic',
    description:
      "Reply topic, with `{node}` in it where the producer's `reply_topic` has it. Default: that one. Needed with `mode: result`, which has no producer, with `mode: stream` and `result_secret`, and where the two plugins run in separate processes; else no effect.",
  },
  ...WAIT_OPTIONS,
  REPLY_SCHEMA_REGISTRY,
  ...REFUSED_OPTIONS,
  LOG_FIELDS,
  ERROR_HANDLING,
] as const satisfies OptionTable;

export type ConsumerConfig = ConfigOf<typeof CONSUMER_OPTIONS>;

const SERVERS_WITHOUT_TOPIC = 'topic: required together with bootstrap_servers';

export const CONSUMER_RULES: CrossRule<ConsumerConfig>[] = [
  ...CONNECTION_RULES,
  ...CONNECTION_WITHOUT_SERVERS,
  ...WAIT_RULES,
  ...REPLY_SCHEMA_RULES,
  ...REFUSED_RULES,
  ...RESULT_OF_CONSUMER_RULES,
  {
    complaint: (config) =>
      config.bootstrap_servers !== undefined && config.topic === undefined
        ? SERVERS_WITHOUT_TOPIC
        : undefined,
    kong: [requires('bootstrap_servers', IS_SET, 'topic', SERVERS_WITHOUT_TOPIC)],
  },
];

export const parseConsumerConfig = configParser(CONSUMER_OPTIONS, CONSUMER_RULES);

export const DEFINITION: PluginDefinition = {
  identity: CONSUMER,
  options: CONSUMER_OPTIONS,
  rules: CONSUMER_RULES,
};
