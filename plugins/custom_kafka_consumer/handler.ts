/** The second half of a request: wait for the reply, answer with it. */
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { keepBounds } from '../../bridge/config/result-options';
import { replySchemaOptions } from '../../bridge/config/schema-registry-options';
import { streamRule } from '../../bridge/config/stream-options';
import { GatewayError, toGatewayError } from '../../bridge/errors';
import type { Exchange } from '../../bridge/exchange';
import type { Kong } from '../../bridge/kong';
import { nodeId } from '../../bridge/node-id';
import { answerOf, overPromises, type Phase, type PhaseEvent, type Read } from '../../bridge/phase';
import type { Receiver, ReceiverOptions } from '../../bridge/receiver';
import { ReplyHalf } from '../../bridge/reply-half';
import { Accepting } from '../../bridge/results/accepting';
import { ResultHalf } from '../../bridge/results/result-half';
import { SHARED_WIRE_ID, wireIdFromText } from '../../bridge/reply/apart';
import { NODE_PLACEHOLDER, replyRoute, type ReplyRoute } from '../../bridge/reply/reply-routing';
import type { RequestReply } from '../../bridge/request-reply';
import { replySchemas } from '../../bridge/schemas';
import {
  listHeaderOf,
  MAX_HEADERS,
  type ConsumerIdentity,
  type HttpRequest,
} from '../../bridge/request/http-request';
import { isUpgrade } from '../../bridge/streams/socket-half';
import { StreamHalf } from '../../bridge/streams/stream-half';
import type { StreamReturns } from '../../bridge/streams/stream-returns';
import type { StreamRule } from '../../bridge/streams/stream-rule';
import { CONSUMER, CONSUMER_OPTIONS, type ConsumerConfig } from './config';

export class ConsumerHandler {
  readonly #config: ConsumerConfig;
  readonly #requestReply: RequestReply;
  readonly #half: ReplyHalf;
  /** Undefined where every client waits for its reply. */
  readonly #accepting: Accepting | undefined;
  /** With `mode: result`, where nothing else happens. */
  readonly #results: ResultHalf | undefined;
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
    this.#accepting = Accepting.of(config);
    if (!requestReply.together) refuseApart(config);
    const source = this.#source();
    if (config.mode === 'result') this.#results = source && this.#openResults(source);
    else if (!requestReply.together) this.#receiver = source && requestReply.openReceiver(source);
    const rule = streamRule(config);
    this.#stream =
      rule && new StreamHalf(requestReply, rule, this.#half, source && this.#openReturns(source, rule));
    this.planned = { access: this.#access() };
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#receiver?.close();
    this.#results?.close();
    if (this.#stream) this.#stream.whenUnused(() => this.#half.close());
    else this.#half.close();
  }

  #access(): Phase {
    const results = this.#results;
    if (results) return { reads: results.reads, run: (event, answers) => results.run(event, answers) };
    const stream = this.#stream;
    if (stream)
      return { reads: stream.reads, run: (event, answers) => this.#runStream(stream, event, answers) };
    const readsTogether = this.#accepting ? READS_WHO : [];
    return {
      reads: this.#requestReply.together ? readsTogether : READS_APART,
      run: (event, answers) => this.#run(event, answers),
    };
  }

  /** Of replies, where no producer of this process has told it. */
  #source(): ReceiverOptions | undefined {
    const config = this.#config;
    if (!config.bootstrap_servers || config.topic === undefined) return undefined;
    return {
      plugin: CONSUMER.name,
      key: configKey(CONSUMER_OPTIONS, config),
      connectionKey: configKey(CONSUMER_OPTIONS, config, isConnectionRow),
      connection: connectionOf(config, config.bootstrap_servers),
      route: routeOf(config.topic),
      rule: this.#half.rule,
    };
  }

  #openResults(source: ReceiverOptions): ResultHalf {
    const config = this.#config;
    return new ResultHalf({
      plugin: CONSUMER.name,
      config,
      replyTopic: source.route.replyTopic,
      returnErrorMessage: config.error_handling.return_error_message,
      half: this.#half,
      reader: this.#requestReply.openResults({ ...source, keep: keepBounds(config) }),
    });
  }

  /** Undefined where no other process has seen the replies, or could read the ids. */
  #openReturns(source: ReceiverOptions, { resumeMs, sequence }: StreamRule): StreamReturns | undefined {
    const { result_secret: secret, keep_replies: keep } = this.#config;
    const isSeenByAll = source.route.kept === undefined && this.#requestReply.together;
    // Both plugins are in one worker of a node, so that its own secret leads nowhere.
    if (!isSeenByAll || secret === undefined || resumeMs === 0) return undefined;
    return this.#requestReply.openReturns({
      ...source,
      maxInFlight: undefined,
      secret,
      resumeMs,
      sequence,
      keep,
    });
  }

  #run(event: PhaseEvent, answers: readonly unknown[]): void {
    let exchange: Exchange | undefined;
    try {
      const requestId = event.requestId ?? '';
      exchange = this.#requestReply.claim(requestId) ?? this.#startedElsewhere(requestId, answers);
      const preferredSeconds = this.#half.preferredSeconds(exchange.prefer);
      const timeoutMs = this.#half.timeoutMs(preferredSeconds);
      // Before the claim, after which records that came in between are let go.
      this.#half.states?.watch(exchange.channel);
      const { channel, wait } = exchange;
      channel.claim(wait, timeoutMs, this.#half.rule, this.#half.collector(exchange));
      if (this.#half.states) exchange = this.#half.states.begin(exchange, timeoutMs);
      const acceptance =
        this.#accepting &&
        this.#accepting.acceptance(
          exchange,
          answerOf<ConsumerIdentity | undefined>(answers, 0)?.id,
          preferredSeconds,
        );
      this.#half.answer(event, exchange, preferredSeconds, acceptance);
    } catch (error) {
      exchange?.channel.fail(exchange.wait, toGatewayError(error));
      this.#half.refuse(event, error, exchange);
    }
  }

  /** What comes back to its stream has no record, and the producer has seen to that. */
  #runStream(half: StreamHalf, event: PhaseEvent, answers: readonly unknown[]): void {
    let exchange: Exchange | undefined;
    try {
      if (!this.#requestReply.together) throw notTogether();
      exchange = this.#requestReply.claim(event.requestId ?? '');
      const visitor = half.visitor(answers);
      const refuse = (error: unknown): void => this.#half.refuse(event, error, undefined);
      if (half.takes(event, visitor, undefined, refuse)) return;
      if (exchange === undefined) throw noProducer();
      if (isUpgrade(visitor.headers)) throw noSockets();
      half.admit(exchange.configuration, visitor);
      const stream = half.stream(exchange, visitor);
      exchange.channel.claim(exchange.wait, half.timeoutMs, this.#half.rule, stream.collector);
      half.begin(event, stream, visitor);
    } catch (error) {
      exchange?.channel.fail(exchange.wait, toGatewayError(error));
      this.#half.refuse(event, error, exchange);
    }
  }

  #startedElsewhere(requestId: string, answers: readonly unknown[]): Exchange {
    const { streams, together } = this.#requestReply;
    if (together) throw streams.isReturning(requestId) ? streams.gone() : noProducer();
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

/** Whoever gets a 202 may ask for the reply, and nobody else. */
const READS_WHO: readonly Read[] = [['kong.client.get_consumer']];

/** @throws GatewayError `misconfigured` for what the process of the producer alone can know */
function refuseApart({ on_timeout, respond_async, wait_for }: ConsumerConfig): void {
  if (on_timeout === 'accepted' || respond_async) {
    throw new GatewayError(
      'misconfigured',
      'on_timeout, respond_async: need both plugins in one process, because only the one that has the producer knows whether a broker has the record',
    );
  }
  if (wait_for.field !== undefined) {
    throw new GatewayError(
      'misconfigured',
      'wait_for: needs both plugins in one process, because only the one that has the producer knows the key of the record',
    );
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
