/** Both halves of a request in one event: HTTP request -> record -> reply -> answer. */
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { producerSettings } from '../../bridge/config/produce-options';
import { keepBounds } from '../../bridge/config/result-options';
import { replyRouteOf } from '../../bridge/config/routing-options';
import { replySchemaOptions } from '../../bridge/config/schema-registry-options';
import { GatewayError, toGatewayError } from '../../bridge/errors';
import type { Kong } from '../../bridge/kong';
import { answerOf, overPromises, type Phase, type PhaseEvent } from '../../bridge/phase';
import { ReplyHalf } from '../../bridge/reply-half';
import { SHARED_WIRE_ID } from '../../bridge/reply/apart';
import { RequestHalf, type BuiltRequest } from '../../bridge/request-half';
import { Accepting } from '../../bridge/results/accepting';
import { ResultHalf } from '../../bridge/results/result-half';
import { replySchemas } from '../../bridge/schemas';
import { sentByProducer, type RequestReply } from '../../bridge/request-reply';
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS, type RequestReplyConfig } from './config';

export class RequestReplyHandler {
  readonly #config: RequestReplyConfig;
  readonly #requestReply: RequestReply;
  readonly #reply: ReplyHalf;
  /** Undefined where every client waits for its reply. */
  readonly #accepting: Accepting | undefined;
  /** What comes first: a request that is sent, or with `mode: result` one for the reply to another. */
  readonly #first: RequestHalf | ResultHalf;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: RequestReplyConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#reply = new ReplyHalf(requestReply, {
      plugin: REQUEST_REPLY.name,
      config: config.reply,
      schemas: replySchemas(replySchemaOptions(config, config.reply)),
      returnErrorMessage: config.error_handling.return_error_message,
      logFields: config.log_fields,
    });
    this.#accepting = Accepting.of(config.reply);
    if (config.reply.mode === 'result') {
      const results = this.#results();
      this.#first = results;
      this.planned = {
        access: { reads: results.reads, run: (event, answers) => results.run(event, answers) },
      };
    } else {
      const request = this.#request();
      this.#first = request;
      this.planned = { access: requestReply.inOwnServer ? together(request) : apart(request) };
    }
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#first.close();
    this.#reply.close();
  }

  #results(): ResultHalf {
    const config = this.#config;
    const route = replyRouteOf(config);
    if (route === undefined) throw new GatewayError('internal', 'results without a reply topic');
    const reader = this.#requestReply.openResults({
      plugin: REQUEST_REPLY.name,
      key: configKey(REQUEST_REPLY_OPTIONS, config),
      connectionKey: configKey(REQUEST_REPLY_OPTIONS, config, isConnectionRow),
      connection: connectionOf(config, config.bootstrap_servers, config.timeout),
      route,
      rule: this.#reply.rule,
      maxInFlight: config.max_in_flight,
      keep: keepBounds(config.reply),
    });
    return new ResultHalf({
      plugin: REQUEST_REPLY.name,
      config: config.reply,
      replyTopic: config.reply_topic,
      returnErrorMessage: config.error_handling.return_error_message,
      half: this.#reply,
      reader,
    });
  }

  #request(): RequestHalf {
    const config = this.#config;
    const request: RequestHalf = new RequestHalf(this.#requestReply, {
      plugin: REQUEST_REPLY.name,
      table: REQUEST_REPLY_OPTIONS,
      config,
      produce: producerSettings(config),
      waitsBy: this.#reply.rule,
      problemDetails: config.reply.problem_details,
      asksForConsumer: this.#accepting !== undefined,
      send: (event, built) => this.#send(event, request, built),
    });
    if (request.sender.channel) this.#reply.states?.watch(request.sender.channel);
    return request;
  }

  #send(event: PhaseEvent, request: RequestHalf, built: BuiltRequest): void {
    const { headers, wire, consumerId } = built;
    this.#requestReply.refuseSent(event.requestId ?? '');
    const facts = request.factsOf(built);
    const preferredSeconds = this.#reply.preferredSeconds(facts.prefer);
    const timeoutMs = this.#reply.timeoutMs(preferredSeconds);
    // Before it is sent: the record would have no key either.
    this.#reply.states?.requireKey(built.record.key);
    const sent = request.sender.request(built, facts, timeoutMs);
    // Before Kong 3.9 the Correlation ID plugin echoes the header without having made it: see the producer.
    if (request.clientsId(headers) === undefined) {
      event.tell('kong.service.request.set_header', this.#config.correlation_header, wire.id);
    }
    try {
      const exchange = this.#reply.states?.begin(sent, timeoutMs) ?? sent;
      const acceptance = this.#accepting?.acceptance(exchange, consumerId, preferredSeconds);
      this.#reply.answer(event, exchange, preferredSeconds, acceptance);
    } catch (error) {
      sent.channel.fail(sent.wait, toGatewayError(error));
      throw error;
    }
  }
}

function together(request: RequestHalf): Phase {
  return { reads: request.reads, run: (event, answers) => request.run(event, answers) };
}

/** What a custom_kafka_producer in a process of its own has sent shows in Kong's memory only. */
function apart(request: RequestHalf): Phase {
  const { reads } = request;
  return {
    reads: [...reads, ['kong.ctx.shared.get', SHARED_WIRE_ID]],
    run: (event, answers) => {
      if (typeof answerOf(answers, reads.length) === 'string') request.refuse(event, {}, sentByProducer());
      else request.run(event, answers);
    },
  };
}
