/** Every option of custom_kafka_log. The Kong schema, the check, the type and the reference come from here. */
import { CONNECTION_OPTIONS, CONNECTION_RULES, SOCKET_TIMEOUT } from '../../bridge/config/connection-options';
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginDefinition, PluginIdentity } from '../../bridge/config/kong-schema';
import { LOG_ENTRY_OPTIONS, LOG_ENTRY_RULES } from '../../bridge/config/log-entry-options';
import { LOG_PRODUCE_OPTIONS, LOG_PRODUCE_RULES } from '../../bridge/config/log-produce-options';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import { REQUEST_SCHEMA_REGISTRY, WRITE_SCHEMA_RULES } from '../../bridge/config/schema-registry-options';
import { BOOTSTRAP_SERVER_LIST, TOPIC_NAME } from '../../bridge/config/shared-options';
import { SINK_OPTION, SINK_RULES } from '../../bridge/config/sink-option';
import { version } from '../../bridge/version';

export const LOG: PluginIdentity = {
  name: 'custom_kafka_log',
  version,
  purpose:
    "Writes Kong's log entry of each request to a Kafka topic, after the answer. It never delays or refuses a request: what Kafka does not take in time is dropped, counted and told.",
  // Kong's own Kafka Log has it; in the log phase nothing depends on the order.
  priority: 5,
  phases: ['log'],
  mayBePerConsumer: true,
};

export const LOG_OPTIONS = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    required: true,
    description:
      'Brokers to start from; the rest of the cluster is learned from them. At least one. For TLS set `security.ssl`, for a login `authentication.strategy`.',
  },
  ...CONNECTION_OPTIONS,
  {
    ...SOCKET_TIMEOUT,
    description:
      'Milliseconds a broker may take to answer before the connection counts as dead. Default 10000. No request waits for it.',
  },
  {
    ...TOPIC_NAME,
    name: 'topic',
    required: true,
    description: 'Topic the entries go to. It must exist, or be made by the broker.',
  },
  ...LOG_ENTRY_OPTIONS,
  REQUEST_SCHEMA_REGISTRY,
  SINK_OPTION,
  ...LOG_PRODUCE_OPTIONS,
] as const satisfies OptionTable;

export type LogConfig = ConfigOf<typeof LOG_OPTIONS>;

export const LOG_RULES: CrossRule<LogConfig>[] = [
  ...CONNECTION_RULES,
  ...LOG_ENTRY_RULES,
  ...WRITE_SCHEMA_RULES,
  ...SINK_RULES,
  ...LOG_PRODUCE_RULES,
];

export const parseLogConfig = configParser(LOG_OPTIONS, LOG_RULES);

export const DEFINITION: PluginDefinition = { identity: LOG, options: LOG_OPTIONS, rules: LOG_RULES };
