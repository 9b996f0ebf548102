/** What Kong loads. The names are those of kong-pdk, so that Kong's stock JavaScript server can load it as well. */
import { configFields } from '../../bridge/config/kong-schema';
import { processHooks, requestReply } from '../../bridge/process';
import { parseProducerConfig, PRODUCER, PRODUCER_OPTIONS } from './config';
import { ProducerHandler } from './handler';

export class Plugin extends ProducerHandler {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  constructor(rawConfig: unknown) {
    super(parseProducerConfig(rawConfig), requestReply);
  }
}

export const Name = PRODUCER.name;
export const Version = PRODUCER.version;
export const Priority = PRODUCER.priority;
export const Schema = configFields(PRODUCER, PRODUCER_OPTIONS);
export const Process = processHooks;
