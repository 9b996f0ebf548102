/** The check of every listed plugin: the compiler misses the one that is not here. */
import type { ConfigParser } from '../../bridge/config/parse';
import type { PluginName } from '../../common/plugins';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { parseFailoverConfig } from '../../plugins/custom_kafka_failover/config';
import { parseLogConfig } from '../../plugins/custom_kafka_log/config';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';

export const PARSERS: Readonly<Record<PluginName, ConfigParser<unknown>>> = {
  custom_kafka_producer: parseProducerConfig,
  custom_kafka_consumer: parseConsumerConfig,
  custom_kafka_request_reply: parseRequestReplyConfig,
  custom_kafka_log: parseLogConfig,
  custom_kafka_failover: parseFailoverConfig,
};
