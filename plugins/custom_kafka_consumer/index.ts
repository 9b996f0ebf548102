/** What Kong loads. The names are those of kong-pdk, so that Kong's stock JavaScript server can load it as well. */
import { configFields } from '../../bridge/config/kong-schema';
import { processHooks, requestReply } from '../../bridge/process';
import type { PluginName } from '../../common/plugins';
import { CONSUMER, CONSUMER_OPTIONS, parseConsumerConfig } from './config';
import { ConsumerHandler } from './handler';

export class Plugin extends ConsumerHandler {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  constructor(rawConfig: unknown) {
    super(parseConsumerConfig(rawConfig), requestReply);
  }
}

export const Name = CONSUMER.name;
export const Version = CONSUMER.version;
export const Priority = CONSUMER.priority;
export const Schema = configFields(CONSUMER, CONSUMER_OPTIONS);
/** The record of its request is sent: see pluginserver/plugin-module.ts. */
export const Continues = 'custom_kafka_producer' satisfies PluginName;
export const Process = processHooks;
