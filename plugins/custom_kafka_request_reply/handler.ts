/** Both halves of a request in one event: HTTP request -> record -> reply -> answer. */
import { producerSettings } from '../../bridge/config/produce-options';
import { replySchemaOptions } from '../../bridge/config/schema-registry-options';
import type { Kong } from '../../bridge/kong';
import { streamRule } from '../../bridge/config/stream-options';
import { answerOf, overPromises, type Phase, type PhaseEvent } from '../../bridge/phase';
import { ReplyHalf } from '../../bridge/reply-half';
import { SHARED_WIRE_ID } from '../../bridge/reply/apart';
import { RequestHalf, type BuiltRequest } from '../../bridge/request-half';
import type { HttpRequest } from '../../bridge/request/http-request';
import { isUpgrade, SocketHalf } from '../../bridge/streams/socket-half';
import { StreamHalf, type StreamVisitor } from '../../bridge/streams/stream-half';
import { replySchemas } from '../../bridge/schemas';
import { sentByProducer, type RequestReply } from '../../bridge/request-reply';
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS, type RequestReplyConfig } from './config';

export class RequestReplyHandler {
  readonly #config: RequestReplyConfig;
  readonly #requestReply: RequestReply;
  readonly #reply: ReplyHalf;
  readonly #request: RequestHalf;
  /** Undefined: there is one answer. */
  readonly #stream: StreamHalf | undefined;
  readonly #sockets: SocketHalf | undefined;
  /** Whose streams are about to begin. */
  readonly #visitors = new WeakMap<PhaseEvent, StreamVisitor>();
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
    this.#request = new RequestHalf(requestReply, {
      plugin: REQUEST_REPLY.name,
      table: REQUEST_REPLY_OPTIONS,
      config,
      produce: producerSettings(config),
      waitsBy: this.#reply.rule,
      problemDetails: config.reply.problem_details,
      send: (event, request) => this.#send(event, request),
    });
    const rule = streamRule(config.reply);
    this.#stream = rule && new StreamHalf(requestReply, rule, this.#reply);
    this.#sockets =
      rule &&
      new SocketHalf(requestReply, {
        rule,
        request: this.#request,
        reader: this.#reply,
        timeoutMs: config.reply.timeout,
        maxMessageBytes: config.max_request_bytes,
        returnErrorMessage: config.error_handling.return_error_message,
        nowMs: () => requestReply.nowMs(),
      });
    this.planned = { access: this.#access() };
  }

  #access(): Phase {
    if (this.#stream) return this.#streaming(this.#stream);
    return this.#requestReply.inOwnServer ? this.#together() : this.#apart();
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    const end = (): void => {
      this.#request.close();
      this.#reply.close();
    };
    if (this.#stream && this.#sockets) this.#stream.whenUnused(() => this.#sockets!.whenUnused(end));
    else end();
  }

  #together(): Phase {
    return {
      reads: this.#request.reads,
      run: (event, answers) => this.#request.run(event, answers),
    };
  }

  /** What a custom_kafka_producer in a process of its own has sent shows in Kong's memory only. */
  #apart(): Phase {
    const { reads } = this.#request;
    return {
      reads: [...reads, ['kong.ctx.shared.get', SHARED_WIRE_ID]],
      run: (event, answers) => {
        if (typeof answerOf(answers, reads.length) === 'string')
          this.#request.refuse(event, {}, sentByProducer());
        else this.#request.run(event, answers);
      },
    };
  }

  #streaming(half: StreamHalf): Phase {
    const { reads } = this.#request;
    return {
      reads: [...reads, ...half.reads],
      run: (event, answers) => {
        try {
          const visitor = half.visitor(answers, reads.length);
          const { configuration } = this.#request.sender;
          if (half.takes(event, visitor, configuration)) return;
          half.admit(configuration, visitor);
          if (isUpgrade(visitor.headers)) {
            this.#sockets!.begin(event, answers, visitor);
            return;
          }
          this.#visitors.set(event, visitor);
        } catch (error) {
          this.#request.refuse(event, answers[0] as HttpRequest['headers'], error);
          return;
        }
        this.#request.run(event, answers);
      },
    };
  }

  #sendForStream(half: StreamHalf, event: PhaseEvent, request: BuiltRequest): void {
    this.#requestReply.refuseSent(event.requestId ?? '');
    const visitor = this.#visitors.get(event)!;
    const facts = this.#request.factsOf(request);
    const exchange = this.#request.sender.request(request, facts, half.timeoutMs);
    const stream = half.stream(exchange, visitor);
    exchange.wait.collector = stream;
    half.begin(event, stream);
  }

  #send(event: PhaseEvent, request: BuiltRequest): void {
    if (this.#stream) {
      this.#sendForStream(this.#stream, event, request);
      return;
    }
    const { headers, wire } = request;
    this.#requestReply.refuseSent(event.requestId ?? '');
    const facts = this.#request.factsOf(request);
    const preferredSeconds = this.#reply.preferredSeconds(facts.prefer);
    const timeoutMs = this.#reply.timeoutMs(preferredSeconds);
    const exchange = this.#request.sender.request(request, facts, timeoutMs);
    exchange.wait.collector = this.#reply.collector(exchange);
    // Before Kong 3.9 the Correlation ID plugin echoes the header without having made it: see the producer.
    if (this.#request.clientsId(headers) === undefined) {
      event.tell('kong.service.request.set_header', this.#config.correlation_header, wire.id);
    }
    this.#reply.answer(event, exchange, preferredSeconds);
  }
}
