/** Every option of custom_kafka_consumer. The Kong schema, the check, the type and the reference come from here. */
import { configParser, type CrossRule } from '../../bridge/config/parse';
import {
  CONNECTION_OPTIONS,
  CONNECTION_RULES,
  CONNECTION_WITHOUT_SERVERS,
} from '../../bridge/config/connection-options';
import { demands, IS_SET, IS_UNSET, requires } from '../../bridge/config/entity-checks';
import type { ConfigOf, OptionTable } from '../../bridge/config/fields';
import type { PluginIdentity } from '../../bridge/config/kong-schema';
import {
  REPLY_OPTIONS,
  REPLY_RULES,
  TIMEOUT_CEILING,
  TIMEOUT_CEILING_RULES,
} from '../../bridge/config/reply-options';
import {
  BOOTSTRAP_SERVER_LIST,
  ERROR_HANDLING,
  RECORD_HEADER_NAME,
  TOPIC_TEMPLATE,
} from '../../bridge/config/shared-options';
import { version } from '../../bridge/version';

export const CONSUMER: PluginIdentity = {
  name: 'custom_kafka_consumer',
  version,
  // Right after the producer, before request-termination (2), which can guard the route.
  priority: 730,
  phases: ['access'],
};

export const CONSUMER_PURPOSE =
  'Holds the client until the reply to the record of custom_kafka_producer arrives, and answers with it. It never runs where the producer on the route has no `reply_topic`.';

export const CONSUMER_OPTIONS = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    description:
      "Brokers of the reply topic. Default: the producer's. Needed where the two plugins run in separate processes; no effect in the plugin server that comes with them.",
  },
  ...CONNECTION_OPTIONS,
  {
    ...TOPIC_TEMPLATE,
    name: 'topic',
    description:
      "Reply topic, with `{node}` in it where the producer's `reply_topic` has it. Default: that one. Needed where the two plugins run in separate processes; no effect in the plugin server that comes with them.",
  },
  {
    name: 'timeout',
    type: 'integer',
    between: [1, 300_000],
    default: 5000,
    description:
      'How long the client is held, in milliseconds from the moment the request came in. Default 5000. After it 504.',
  },
  TIMEOUT_CEILING,
  {
    name: 'match',
    type: 'string',
    oneOf: ['header', 'key', 'body_field'],
    default: 'header',
    description:
      'Where a reply carries the correlation id: a record header of any dialect (default), the record key, or a field of its JSON value. Letter case counts neither in a UUID nor, where no header has the exact name, in header names.',
  },
  {
    ...RECORD_HEADER_NAME,
    name: 'match_name',
    description:
      'With `match: header` a header looked at before those of the dialects; with `body_field` the field, default `correlation-id`. Not with `key`.',
  },
  ...REPLY_OPTIONS,
  ERROR_HANDLING,
] as const satisfies OptionTable;

export type ConsumerConfig = ConfigOf<typeof CONSUMER_OPTIONS>;

const NAME_OF_KEY = 'match_name: has no meaning with match: key, where the whole key is the correlation id';
const SERVERS_WITHOUT_TOPIC = 'topic: required together with bootstrap_servers';

export const CONSUMER_RULES: CrossRule<ConsumerConfig>[] = [
  ...CONNECTION_RULES,
  ...CONNECTION_WITHOUT_SERVERS,
  {
    complaint: (config) =>
      config.match === 'key' && config.match_name !== undefined ? NAME_OF_KEY : undefined,
    kong: [demands('match', { eq: 'key' }, 'match_name', IS_UNSET, NAME_OF_KEY)],
  },
  {
    complaint: (config) =>
      config.bootstrap_servers !== undefined && config.topic === undefined
        ? SERVERS_WITHOUT_TOPIC
        : undefined,
    kong: [requires('bootstrap_servers', IS_SET, 'topic', SERVERS_WITHOUT_TOPIC)],
  },
  ...TIMEOUT_CEILING_RULES,
  ...REPLY_RULES,
];

export const parseConsumerConfig = configParser(CONSUMER_OPTIONS, CONSUMER_RULES);
