/** Both halves of a request in one event: HTTP request -> record -> reply -> answer. */
import { replySchemaOptions } from '../../bridge/config/schema-registry-options';
import { streamRule } from '../../bridge/config/stream-options';
import type { Kong } from '../../bridge/kong';
import { overPromises, type Phase } from '../../bridge/phase';
import { ReplyHalf } from '../../bridge/reply-half';
import type { RequestReply } from '../../bridge/request-reply';
import { replySchemas } from '../../bridge/schemas';
import { REQUEST_REPLY, type RequestReplyConfig } from './config';
import type { Mode } from './mode';
import { resultMode } from './result-mode';
import { StreamMode } from './stream-mode';
import { WaitMode } from './wait-mode';

export class RequestReplyHandler {
  readonly #reply: ReplyHalf;
  readonly #mode: Mode;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: RequestReplyConfig, requestReply: RequestReply) {
    const reply = new ReplyHalf(requestReply, {
      plugin: REQUEST_REPLY.name,
      config: config.reply,
      schemas: replySchemas(replySchemaOptions(config, config.reply)),
      returnErrorMessage: config.error_handling.return_error_message,
      logFields: config.log_fields,
    });
    this.#reply = reply;
    this.#mode = modeOf(config, requestReply, reply);
    this.planned = { access: this.#mode.access };
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#mode.close(() => this.#reply.close());
  }
}

function modeOf(config: RequestReplyConfig, requestReply: RequestReply, reply: ReplyHalf): Mode {
  if (config.reply.mode === 'result') return resultMode(config, requestReply, reply);
  const rule = streamRule(config.reply);
  return rule ? new StreamMode(config, requestReply, reply, rule) : new WaitMode(config, requestReply, reply);
}
