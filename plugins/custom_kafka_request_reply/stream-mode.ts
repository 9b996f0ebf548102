/** `mode: stream`: Kong is led to where the replies are sent on as they come, and a WebSocket has a request for each message. */
import { shareOf } from '../../common/worker';
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { producerSettings } from '../../bridge/config/produce-options';
import { replyRouteOf } from '../../bridge/config/routing-options';
import { GatewayError, toGatewayError } from '../../bridge/errors';
import { bothReads, type Phase, type PhaseEvent } from '../../bridge/phase';
import type { ReplyHalf } from '../../bridge/reply-half';
import type { BuiltRequest, RequestHalf } from '../../bridge/request-half';
import type { HttpRequest } from '../../bridge/request/http-request';
import type { RequestReply } from '../../bridge/request-reply';
import { IS_NODES_SECRET } from '../../bridge/results/own-secret';
import { isUpgrade, SocketHalf } from '../../bridge/streams/socket-half';
import { STREAM_WITH_KEY, StreamHalf, type StreamVisitor } from '../../bridge/streams/stream-half';
import type { StreamReturns } from '../../bridge/streams/stream-returns';
import type { StreamRule } from '../../bridge/streams/stream-rule';
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS, type RequestReplyConfig } from './config';
import type { Mode } from './mode';
import { requestHalf } from './sending';

export class StreamMode implements Mode {
  readonly access: Phase;
  readonly #requestReply: RequestReply;
  readonly #request: RequestHalf;
  readonly #stream: StreamHalf;
  readonly #sockets: SocketHalf;
  /** Whose streams are about to begin. */
  readonly #visitors = new WeakMap<PhaseEvent, StreamVisitor>();

  constructor(config: RequestReplyConfig, requestReply: RequestReply, reply: ReplyHalf, rule: StreamRule) {
    this.#requestReply = requestReply;
    this.#request = requestHalf(config, requestReply, reply, {
      send: (event, request) => this.#send(event, request),
    });
    this.#stream = new StreamHalf(requestReply, rule, reply, returnsOf(config, requestReply, reply, rule));
    this.#sockets = new SocketHalf(requestReply, {
      rule,
      request: this.#request,
      reader: reply,
      timeoutMs: config.reply.timeout,
      maxMessageBytes: config.max_request_bytes,
      keyHeader: config.idempotency_header.toLowerCase(),
      returnErrorMessage: config.error_handling.return_error_message,
      nowMs: () => requestReply.nowMs(),
    });
    const { reads, answersTo } = bothReads(this.#request.reads, this.#stream.reads);
    this.access = { reads, run: (event, answers) => this.#run(event, answers, answersTo(answers)) };
  }

  close(whenUnused: () => void): void {
    const end = (): void => {
      this.#request.close();
      whenUnused();
    };
    this.#stream.whenUnused(() => this.#sockets.whenUnused(end));
  }

  /** @param aboutVisitor the answers to what the stream's half asks */
  #run(event: PhaseEvent, answers: readonly unknown[], aboutVisitor: readonly unknown[]): void {
    try {
      const visitor = this.#stream.visitor(aboutVisitor);
      const { configuration } = this.#request.sender;
      const refuse = (error: unknown): void => this.#request.refuse(event, visitor.headers, error);
      if (this.#stream.takes(event, visitor, configuration, refuse)) return;
      this.#stream.admit(configuration, visitor);
      if (isUpgrade(visitor.headers)) {
        this.#sockets.begin(event, answers, visitor);
        return;
      }
      this.#visitors.set(event, visitor);
    } catch (error) {
      this.#request.refuse(event, answers[0] as HttpRequest['headers'], error);
      return;
    }
    this.#request.run(event, answers);
  }

  #send(event: PhaseEvent, request: BuiltRequest): void {
    this.#requestReply.refuseSent(event.requestId ?? '');
    if (request.wire.ofKey) throw new GatewayError('request_invalid', STREAM_WITH_KEY);
    const visitor = this.#visitors.get(event);
    const facts = this.#request.factsOf(request);
    const exchange = this.#request.sender.request(request, facts, this.#stream.timeoutMs);
    try {
      if (visitor === undefined) throw new GatewayError('internal', 'a stream for nobody');
      const stream = this.#stream.stream(exchange, visitor);
      exchange.wait.collector = stream.collector;
      this.#stream.begin(event, stream, visitor);
    } catch (error) {
      exchange.channel.fail(exchange.wait, toGatewayError(error));
      throw error;
    }
  }
}

/** Undefined where no other process has seen the replies, or could read the ids. */
function returnsOf(
  config: RequestReplyConfig,
  requestReply: RequestReply,
  reply: ReplyHalf,
  { resumeMs, sequence }: StreamRule,
): StreamReturns | undefined {
  const { result_secret: secret, keep_replies: keep } = config.reply;
  const route = replyRouteOf(config);
  const isSeenByAll = config.reply_routing === 'broadcast' && config.topic !== config.reply_topic;
  const isKnownElsewhere = secret !== undefined || IS_NODES_SECRET;
  if (route === undefined || !isSeenByAll || !isKnownElsewhere || resumeMs === 0) return undefined;
  return requestReply.openReturns({
    plugin: REQUEST_REPLY.name,
    key: configKey(REQUEST_REPLY_OPTIONS, config),
    connectionKey: configKey(REQUEST_REPLY_OPTIONS, config, isConnectionRow),
    connection: {
      ...connectionOf(config, config.bootstrap_servers, config.timeout),
      produce: producerSettings(config),
    },
    route,
    rule: reply.rule,
    maxInFlight: shareOf(config.max_in_flight),
    secret,
    resumeMs,
    sequence,
    keep,
  });
}
