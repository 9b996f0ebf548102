/** Every option of custom_kafka_failover. The Kong schema, the check, the type and the reference come from here. */
import { CONNECTION_OPTIONS, CONNECTION_RULES, SOCKET_TIMEOUT } from '../../bridge/config/connection-options';
import { FAILOVER_OPTIONS } from '../../bridge/config/failover-options';
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginDefinition, PluginIdentity } from '../../bridge/config/kong-schema';
import { configParser, type CrossRule } from '../../bridge/config/parse';
import { COMPRESSION, COMPRESSION_RULE, DELIVERY_OPTIONS } from '../../bridge/config/produce-options';
import { BOOTSTRAP_SERVER_LIST, TOPIC_NAME } from '../../bridge/config/shared-options';
import { version } from '../../bridge/version';

export const FAILOVER: PluginIdentity = {
  name: 'custom_kafka_failover',
  version,
  purpose:
    'Keeps a request in a Kafka topic when its upstream cannot be reached, and tells the client so instead of an error. For routes with a service; it needs the two nginx includes in `kong/` and the HTTP listener of the plugin server: [failover](../failover.md).',
  // After everything that may change or refuse the request; before request-termination (2).
  priority: 4,
  phases: ['access'],
  otherPhases: { suffix: 'with-log', phases: ['access', 'log'] },
};

export const FAILOVER_TABLE = [
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
    default: 'failed-requests',
    description:
      'Topic of the failed requests. Default `failed-requests`. It must exist, or be made by the broker.',
  },
  ...FAILOVER_OPTIONS,
  ...DELIVERY_OPTIONS,
  COMPRESSION,
] as const satisfies OptionTable;

export type FailoverPluginConfig = ConfigOf<typeof FAILOVER_TABLE>;

export const FAILOVER_TABLE_RULES: CrossRule<FailoverPluginConfig>[] = [
  ...CONNECTION_RULES,
  COMPRESSION_RULE,
];

export const parseFailoverConfig = configParser(FAILOVER_TABLE, FAILOVER_TABLE_RULES);

export const DEFINITION: PluginDefinition = {
  identity: FAILOVER,
  options: FAILOVER_TABLE,
  rules: FAILOVER_TABLE_RULES,
};
