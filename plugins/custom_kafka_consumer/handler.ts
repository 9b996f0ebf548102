/** The second half of a request: wait for the reply, answer with it. */
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { replySchemaOptions } from '../../bridge/config/schema-registry-options';
import { streamRule } from '../../bridge/config/stream-options';
import { GatewayError, toGatewayError } from '../../bridge/errors';
import type { Exchange } from '../../bridge/exchange';
import type { Kong } from '../../bridge/kong';
import { nodeId } from '../../bridge/node-id';
import { answerOf, overPromises, type Phase, type PhaseEvent, type Read } from '../../bridge/phase';
import type { Receiver } from '../../bridge/receiver';
import { ReplyHalf } from '../../bridge/reply-half';
import { SHARED_WIRE_ID, wireIdFromText } from '../../bridge/reply/apart';
import { NODE_PLACEHOLDER, replyRoute, type ReplyRoute } from '../../bridge/reply/reply-routing';
import type { RequestReply } from '../../bridge/request-reply';
import { replySchemas } from '../../bridge/schemas';
import { isUpgrade } from '../../bridge/streams/socket-half';
import { StreamHalf } from '../../bridge/streams/stream-half';
import { listHeaderOf, MAX_HEADERS, type HttpRequest } from '../../bridge/request/http-request';
import { CONSUMER, CONSUMER_OPTIONS, type ConsumerConfig } from './config';

export class ConsumerHandler {
  readonly #config: ConsumerConfig;
  readonly #requestReply: RequestReply;
  readonly #half: ReplyHalf;
  /** Only where the producer is in another process. */
  readonly #receiver: Receiver | undefined;
  /** Undefined: there is one answer. */
  readonly #stream: StreamHalf | undefined;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: ConsumerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#half = new ReplyHalf(requestReply, {
      plugin: CONSUMER.name,
      config,
      schemas: replySchemas(replySchemaOptions(config, config)),
      returnErrorMessage: config.error_handling.return_error_message,
      logFields: config.log_fields,
    });
    const rule = streamRule(config);
    const stream = rule && new StreamHalf(requestReply, rule, this.#half);
    this.#stream = stream;
    this.planned = {
      access: stream
        ? { reads: stream.reads, run: (event, answers) => this.#runStream(stream, event, answers) }
        : {
            reads: requestReply.together ? [] : READS_APART,
            run: (event, answers) => this.#run(event, answers),
          },
    };
    if (!requestReply.together && config.bootstrap_servers && config.topic !== undefined) {
      this.#receiver = requestReply.openReceiver({
        plugin: CONSUMER.name,
        key: configKey(CONSUMER_OPTIONS, config),
        connectionKey: configKey(CONSUMER_OPTIONS, config, isConnectionRow),
        connection: connectionOf(config, config.bootstrap_servers),
        route: routeOf(config.topic),
        rule: this.#half.rule,
      });
    }
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#receiver?.close();
    if (this.#stream) this.#stream.whenUnused(() => this.#half.close());
    else this.#half.close();
  }

  #run(event: PhaseEvent, answers: readonly unknown[]): void {
    let exchange: Exchange | undefined;
    try {
      exchange = this.#requestReply.claim(event.requestId ?? '') ?? this.#startedElsewhere(answers);
      const preferredSeconds = this.#half.preferredSeconds(exchange.prefer);
      const { channel, wait } = exchange;
      const timeoutMs = this.#half.timeoutMs(preferredSeconds);
      channel.claim(wait, timeoutMs, this.#half.rule, this.#half.collector(exchange));
      this.#half.answer(event, exchange, preferredSeconds);
    } catch (error) {
      this.#half.refuse(event, error, exchange);
    }
  }

  /** What comes back to its stream has no record, and the producer has seen to that. */
  #runStream(half: StreamHalf, event: PhaseEvent, answers: readonly unknown[]): void {
    let exchange: Exchange | undefined;
    try {
      if (!this.#requestReply.together) throw notTogether();
      const visitor = half.visitor(answers, 0);
      if (half.takes(event, visitor, undefined)) return;
      exchange = this.#requestReply.claim(event.requestId ?? '');
      if (exchange === undefined) throw noProducer();
      if (isUpgrade(visitor.headers)) throw noSockets();
      half.admit(exchange.configuration, visitor);
      const stream = half.stream(exchange, visitor);
      exchange.channel.claim(exchange.wait, half.timeoutMs, this.#half.rule, stream);
      half.begin(event, stream);
    } catch (error) {
      exchange?.channel.fail(exchange.wait, toGatewayError(error));
      this.#half.refuse(event, error, exchange);
    }
  }

  #startedElsewhere(answers: readonly unknown[]): Exchange {
    if (this.#requestReply.together) throw noProducer();
    if (!this.#receiver) {
      throw new GatewayError(
        'misconfigured',
        'bootstrap_servers and topic: required here, because custom_kafka_producer runs in another process',
      );
    }
    const shared = answerOf<unknown>(answers, 0);
    const headers = answerOf<HttpRequest['headers'] | undefined>(answers, 1) ?? {};
    if (typeof shared !== 'string' || shared === '') throw noProducer();
    const wire = wireIdFromText(shared);
    return this.#receiver.exchange(wire, this.#config.timeout, {
      accept: listHeaderOf(headers, 'accept'),
      prefer: listHeaderOf(headers, 'prefer'),
      shownId: wire.id,
    });
  }
}

/** Of the process that has the producer nothing else is known. */
const READS_APART: readonly Read[] = [
  ['kong.ctx.shared.get', SHARED_WIRE_ID],
  ['kong.request.get_headers', MAX_HEADERS],
];

/** In a process of its own it reads all partitions, which is right with every routing but `topic`. */
function routeOf(replyTopic: string): ReplyRoute {
  const mode = replyTopic.includes(NODE_PLACEHOLDER) ? 'topic' : 'broadcast';
  return replyRoute({ mode, replyTopic, partition: undefined, dialects: [] }, nodeId());
}

function noSockets(): GatewayError {
  return new GatewayError('misconfigured', 'a WebSocket needs custom_kafka_request_reply');
}

function notTogether(): GatewayError {
  return new GatewayError(
    'misconfigured',
    'mode: stream needs both plugins in one process, as the plugin server that comes with them runs them',
  );
}

function noProducer(): GatewayError {
  return new GatewayError(
    'misconfigured',
    'custom_kafka_producer with a reply_topic must run on the same route',
  );
}
