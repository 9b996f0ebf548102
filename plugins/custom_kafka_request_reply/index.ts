/** What Kong loads. The names are those of kong-pdk, so that Kong's stock JavaScript server can load it as well. */
import { configFields } from '../../bridge/config/kong-schema';
import { processHooks, requestReply } from '../../bridge/process';
import { parseRequestReplyConfig, REQUEST_REPLY, REQUEST_REPLY_OPTIONS } from './config';
import { RequestReplyHandler } from './handler';

export class Plugin extends RequestReplyHandler {
  /** @throws GatewayError `misconfigured` with the option's name and the reason */
  constructor(rawConfig: unknown) {
    super(parseRequestReplyConfig(rawConfig), requestReply);
  }
}

export const Name = REQUEST_REPLY.name;
export const Version = REQUEST_REPLY.version;
export const Priority = REQUEST_REPLY.priority;
export const Schema = configFields(REQUEST_REPLY, REQUEST_REPLY_OPTIONS);
export const Process = processHooks;
