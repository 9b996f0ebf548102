/** `mode: result`: nothing is sent, and the reply to an earlier request is the answer. */
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { keepBounds } from '../../bridge/config/result-options';
import { replyRouteOf } from '../../bridge/config/routing-options';
import { GatewayError } from '../../bridge/errors';
import type { ReplyHalf } from '../../bridge/reply-half';
import type { RequestReply } from '../../bridge/request-reply';
import { ResultHalf } from '../../bridge/results/result-half';
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS, type RequestReplyConfig } from './config';
import type { Mode } from './mode';

export function resultMode(config: RequestReplyConfig, requestReply: RequestReply, reply: ReplyHalf): Mode {
  const route = replyRouteOf(config);
  if (route === undefined) throw new GatewayError('internal', 'results without a reply topic');
  const reader = requestReply.openResults({
    plugin: REQUEST_REPLY.name,
    key: configKey(REQUEST_REPLY_OPTIONS, config),
    connectionKey: configKey(REQUEST_REPLY_OPTIONS, config, isConnectionRow),
    connection: connectionOf(config, config.bootstrap_servers, config.timeout),
    route,
    rule: reply.rule,
    maxInFlight: config.max_in_flight,
    keep: keepBounds(config.reply),
  });
  const results = new ResultHalf({
    plugin: REQUEST_REPLY.name,
    config: config.reply,
    replyTopic: config.reply_topic,
    returnErrorMessage: config.error_handling.return_error_message,
    half: reply,
    reader,
  });
  return {
    access: { reads: results.reads, run: (event, answers) => results.run(event, answers) },
    close: (whenUnused) => {
      results.close();
      whenUnused();
    },
  };
}
