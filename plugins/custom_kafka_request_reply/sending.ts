/** The half that sends, whatever becomes of the replies. */
import { producerSettings } from '../../bridge/config/produce-options';
import type { ReplyHalf } from '../../bridge/reply-half';
import { RequestHalf, type RequestHalfOptions } from '../../bridge/request-half';
import type { RequestReply } from '../../bridge/request-reply';
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS, type RequestReplyConfig } from './config';

export function requestHalf(
  config: RequestReplyConfig,
  requestReply: RequestReply,
  reply: ReplyHalf,
  options: Pick<RequestHalfOptions, 'asksForConsumer' | 'send'>,
): RequestHalf {
  return new RequestHalf(requestReply, {
    plugin: REQUEST_REPLY.name,
    table: REQUEST_REPLY_OPTIONS,
    config,
    produce: producerSettings(config),
    waitsBy: reply.rule,
    problemDetails: config.reply.problem_details,
    ...options,
  });
}
