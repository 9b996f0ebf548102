/** The first half of a request: HTTP request -> record, up to the moment when it can be sent. */
import { shareOf } from '../common/worker';
import { ErrorAnswers } from './answer';
import type { OptionTable } from './config/fields';
import { idempotencyOf } from './config/idempotency-options';
import { connectionOf } from './config/connection-options';
import { configKey, isConnectionRow } from './config/parse';
import { recordOptions } from './config/record-options';
import type { RequestConfig } from './config/request-options';
import { replyRouteOf } from './config/routing-options';
import { requestSchemaOptions } from './config/schema-registry-options';
import { toGatewayError } from './errors';
import type { RequestFacts } from './exchange';
import type { ProducerSettings } from './kafka/producer-settings';
import { reportTimeoutMs } from './kafka/producer-settings';
import type { OutgoingRecord } from './kafka/records';
import type { PhaseEvent, Read } from './phase';
import type { MatchRule } from './reply/match-rule';
import { wireId, type WireId } from './request/correlation-id';
import { headerIn, listHeaderOf, RequestReader, type HttpRequest } from './request/http-request';
import { compileHeaderRules } from './request/header-rules';
import { recordBuilder, type RecordBuilder } from './request/record-builder';
import { clientsContext } from './request/trace-headers';
import type { RequestReply } from './request-reply';
import { IdempotencyKeys } from './results/idempotency-key';
import { tellWithoutSecret } from './results/own-secret';
import type { RequestSchemas } from './schema-registry/request-schemas';
import { requestSchemas } from './schemas';
import type { RequestIds, Sender, SentRequest } from './sender';
import type { TraceContext } from './telemetry/trace-context';
import { joinKongTrace, tellLogFields } from './telemetry/trace-kong';

export interface RequestHalfOptions {
  readonly plugin: string;
  readonly table: OptionTable;
  readonly config: RequestConfig;
  readonly produce: ProducerSettings;
  /** By which its replies are found; undefined where another half waits, in this process or elsewhere. */
  readonly waitsBy?: MatchRule | undefined;
  /** False: errors are plain JSON, whatever the client prefers. */
  readonly problemDetails: boolean;
  /** Whether `send` wants to know Kong's consumer. */
  readonly asksForConsumer?: boolean | undefined;
  /** The record is built and Kafka is ready. What it throws is answered as an error. */
  readonly send: (event: PhaseEvent, request: BuiltRequest) => void;
}

/** A request that is ready to be sent. */
export interface BuiltRequest extends SentRequest {
  readonly headers: HttpRequest['headers'];
  /** Kong's; undefined where nobody has logged in, or it was not asked for. */
  readonly consumerId: string | undefined;
}

export class RequestHalf {
  readonly sender: Sender;
  readonly #options: RequestHalfOptions;
  readonly #errors: ErrorAnswers;
  readonly #schemas: RequestSchemas | undefined;
  readonly #records: RecordBuilder;
  readonly #reader: RequestReader;
  /** Undefined where each request is sent. */
  readonly #keys: IdempotencyKeys | undefined;
  /** In lower case, as request headers are named. */
  readonly #correlationHeader: string;
  /** The client's trace, where Kong is told of it. */
  readonly #contextOf: ((headers: HttpRequest['headers']) => TraceContext | undefined) | undefined;

  constructor(requestReply: RequestReply, options: RequestHalfOptions) {
    const { config, table, produce } = options;
    this.#options = options;
    this.#errors = new ErrorAnswers(options.plugin);
    this.#correlationHeader = config.correlation_header.toLowerCase();
    const route = replyRouteOf(config);
    const record = recordOptions(config, route?.replyTopic);
    this.#schemas = requestSchemas(requestSchemaOptions(config));
    this.#records = recordBuilder({ ...record, schemas: this.#schemas });
    // The stock server would send the bytes of a trace id as text.
    if (config.trace.kong === 'join' && requestReply.inOwnServer) {
      this.#contextOf = clientsContext(compileHeaderRules(record.headers), record.headers.b3);
    }
    const idempotency = idempotencyOf(config);
    if (idempotency !== undefined) {
      tellWithoutSecret('idempotency_secret', config.idempotency_secret);
      this.#keys = new IdempotencyKeys({
        header: config.idempotency_header.toLowerCase(),
        secret: config.idempotency_secret,
        topic: config.topic,
        replyTopic: config.reply_topic ?? '',
      });
    }
    this.sender = requestReply.openSender({
      plugin: options.plugin,
      key: configKey(table, config),
      connectionKey: configKey(table, config, isConnectionRow),
      connection: { ...connectionOf(config, config.bootstrap_servers, config.timeout), produce },
      topic: config.topic,
      route,
      waitsBy: options.waitsBy,
      // Where another half waits, all of this configuration's requests are in one worker.
      maxInFlight: options.waitsBy ? shareOf(config.max_in_flight) : config.max_in_flight,
      reportTimeoutMs: reportTimeoutMs(produce),
      orphanTopic: config.orphan_topic,
      trace: { replyTopic: config.reply_topic, b3: config.trace.b3 },
      idempotency,
    });
    const { needs } = this.#records;
    const consumer = needs.consumer || options.asksForConsumer === true || this.#keys !== undefined;
    this.#reader = new RequestReader(consumer ? { ...needs, consumer } : needs, {
      maxBodyBytes: config.max_request_bytes,
      boundedRead: requestReply.inOwnServer,
    });
  }

  get reads(): readonly Read[] {
    return this.#reader.reads;
  }

  /** `answers` begin with those to `reads`. The event ends with an error, or goes on with `send`. */
  run(event: PhaseEvent, answers: readonly unknown[]): void {
    const headers = this.#reader.headers(answers);
    const context = this.#contextOf?.(headers);
    if (context !== undefined) joinKongTrace(event, context.traceId);
    try {
      const request = this.#reader.request(event.requestId ?? '', answers);
      if (request.refusal) throw request.refusal;
      const decoding = this.#records.decoded(request, this.#options.config.max_request_bytes);
      if (decoding) this.#runDecoded(event, headers, decoding);
      else this.#build(event, request);
    } catch (error) {
      this.refuse(event, headers, error);
    }
  }

  /** What is known of a request that is no record itself, for those that follow on its connection. */
  captured(event: PhaseEvent, answers: readonly unknown[]): HttpRequest {
    return this.#reader.request(event.requestId ?? '', answers);
  }

  /** One of those, ready to be sent; its id is that of its key, or one of ours. Rejects with GatewayError. */
  async following(request: HttpRequest): Promise<BuiltRequest> {
    const decoded = await (this.#records.decoded(request, this.#options.config.max_request_bytes) ?? request);
    const wire = this.#wireIdOfKey(request) ?? wireId('generated', undefined, this.sender.routeTag);
    const record = this.#records.build(decoded, wire.id);
    if (!this.sender.readyNow()) await this.sender.whenReady();
    const { headers, consumer } = request;
    return { headers, record, wire, trace: this.sender.trace(record, wire), consumerId: consumer?.id };
  }

  /** @param topic where the record went, if it was sent */
  refuse(event: PhaseEvent, headers: HttpRequest['headers'], error: unknown, topic?: string): void {
    const { config, problemDetails } = this.#options;
    if (config.log_fields) tellLogFields(event, { code: toGatewayError(error).code, topic });
    const context = {
      requestId: event.requestId,
      correlationId: this.clientsId(headers),
      accept: problemDetails ? listHeaderOf(headers, 'accept') : undefined,
      returnErrorMessage: config.error_handling.return_error_message,
    };
    this.#errors.answer(event, error, context, this.sender);
  }

  /** The id of Kong's Correlation ID plugin: what the client knows the request by. */
  clientsId(headers: HttpRequest['headers']): string | undefined {
    return headerIn(headers, this.#correlationHeader);
  }

  /** What the half that waits wants to know of the request. */
  factsOf({ headers, wire }: BuiltRequest): RequestFacts {
    return {
      accept: listHeaderOf(headers, 'accept'),
      prefer: listHeaderOf(headers, 'prefer'),
      shownId: this.clientsId(headers) ?? wire.id,
    };
  }

  /** For a log line that is written when all else of the request is gone. */
  idsOf(event: PhaseEvent, { headers, wire }: BuiltRequest): RequestIds {
    return { request_id: event.requestId, correlation_id: this.clientsId(headers) ?? wire.id };
  }

  close(): void {
    this.sender.close();
    this.#schemas?.close();
  }

  /** Here and below: a method of its own, so that the way of all others makes no closure. */
  #runDecoded(event: PhaseEvent, headers: HttpRequest['headers'], decoding: Promise<HttpRequest>): void {
    decoding
      .then((request) => this.#build(event, request))
      .catch((error: unknown) => this.refuse(event, headers, error));
  }

  #build(event: PhaseEvent, request: HttpRequest): void {
    const { headers } = request;
    const wire =
      this.#wireIdOfKey(request) ??
      wireId(this.#options.config.correlation, this.clientsId(headers), this.sender.routeTag);
    const record = this.#records.build(request, wire.id);
    if (this.sender.readyNow()) this.#send(event, request, record, wire);
    else this.#sendWhenReady(event, request, record, wire);
  }

  /** Undefined for a request that its client gives no key, or where each is sent. */
  #wireIdOfKey(request: HttpRequest): WireId | undefined {
    const id = this.#keys?.wireIdOf(request);
    return id === undefined ? undefined : { id, ofKey: true };
  }

  #sendWhenReady(event: PhaseEvent, request: HttpRequest, record: OutgoingRecord, wire: WireId): void {
    this.sender
      .whenReady()
      .then(() => this.#send(event, request, record, wire))
      .catch((error: unknown) => this.refuse(event, request.headers, error));
  }

  #send(event: PhaseEvent, request: HttpRequest, record: OutgoingRecord, wire: WireId): void {
    const { headers, consumer } = request;
    const trace = this.sender.trace(record, wire);
    // One that begins here; of the client's, Kong has been told.
    if (
      this.#contextOf !== undefined &&
      trace.traceId !== undefined &&
      this.#contextOf(headers) === undefined
    ) {
      joinKongTrace(event, trace.traceId);
    }
    this.#options.send(event, { headers, record, wire, trace, consumerId: consumer?.id });
  }
}
