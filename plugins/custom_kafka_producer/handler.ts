/** The first half of a request: HTTP request -> record, with the wait for its reply registered before it is sent. */
import { toGatewayError } from '../../bridge/errors';
import { connectionOf } from '../../bridge/config/connection-options';
import { producerSettings } from '../../bridge/config/produce-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import type { OutgoingRecord } from '../../bridge/kafka/records';
import { reportTimeoutMs } from '../../bridge/kafka/producer-settings';
import type { Kong } from '../../bridge/kong';
import { overPromises, type Phase, type PhaseEvent } from '../../bridge/phase';
import type { RequestReply } from '../../bridge/request-reply';
import type { Sender } from '../../bridge/sender';
import { answer, ErrorAnswers } from '../../bridge/answer';
import { SHARED_WIRE_ID, wireIdToText } from '../../bridge/reply/apart';
import { wireId, type WireId } from '../../bridge/request/correlation-id';
import { headerIn, listHeaderOf, RequestReader, type HttpRequest } from '../../bridge/request/http-request';
import { recordBuilder, type RecordBuilder } from '../../bridge/request/record-builder';
import { PRODUCER, PRODUCER_OPTIONS, type ProducerConfig } from './config';
import { replyRouteOf } from './routing-options';
import { recordOptions } from './record-options';

export class ProducerHandler {
  readonly #config: ProducerConfig;
  readonly #errors = new ErrorAnswers(PRODUCER.name);
  readonly #requestReply: RequestReply;
  readonly #sender: Sender;
  readonly #records: RecordBuilder;
  readonly #reader: RequestReader;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };
  /** In lower case, as request headers are named. */
  readonly #correlationHeader: string;

  constructor(config: ProducerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#correlationHeader = config.correlation_header.toLowerCase();
    const route = replyRouteOf(config);
    const produce = producerSettings(config);
    this.#records = recordBuilder(recordOptions(config, route?.replyTopic));
    this.#sender = requestReply.openSender({
      plugin: PRODUCER.name,
      key: configKey(PRODUCER_OPTIONS, config),
      connectionKey: configKey(PRODUCER_OPTIONS, config, isConnectionRow),
      connection: { ...connectionOf(config, config.bootstrap_servers, config.timeout), produce },
      topic: config.topic,
      route,
      maxInFlight: config.max_in_flight,
      reportTimeoutMs: reportTimeoutMs(produce),
      orphanTopic: config.orphan_topic,
    });
    this.#reader = new RequestReader(this.#records.needs, {
      maxBodyBytes: config.max_request_bytes,
      boundedRead: requestReply.together,
    });
    this.planned = {
      access: { reads: this.#reader.reads, run: (event, answers) => this.#run(event, answers) },
    };
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#sender.close();
  }

  #run(event: PhaseEvent, answers: readonly unknown[]): void {
    const headers = this.#reader.headers(answers);
    try {
      const request = this.#reader.request(event.requestId ?? '', answers);
      if (request.refusal) throw request.refusal;
      const decoding = this.#records.decoded(request, this.#config.max_request_bytes);
      if (decoding) this.#runDecoded(event, headers, decoding);
      else this.#build(event, request);
    } catch (error) {
      this.#refuse(event, headers, error);
    }
  }

  /** Here and below: a method of its own, so that the way of all others makes no closure. */
  #runDecoded(event: PhaseEvent, headers: HttpRequest['headers'], decoding: Promise<HttpRequest>): void {
    decoding
      .then((request) => this.#build(event, request))
      .catch((error: unknown) => this.#refuse(event, headers, error));
  }

  #build(event: PhaseEvent, request: HttpRequest): void {
    const { headers } = request;
    const wire = wireId(this.#config.correlation, this.#clientsId(headers), this.#sender.routeTag);
    const record = this.#records.build(request, wire.id);
    if (this.#sender.readyNow()) this.#send(event, headers, record, wire);
    else this.#sendWhenReady(event, headers, record, wire);
  }

  #sendWhenReady(
    event: PhaseEvent,
    headers: HttpRequest['headers'],
    record: OutgoingRecord,
    wire: WireId,
  ): void {
    this.#sender
      .whenReady()
      .then(() => this.#send(event, headers, record, wire))
      .catch((error: unknown) => this.#refuse(event, headers, error));
  }

  #send(event: PhaseEvent, headers: HttpRequest['headers'], record: OutgoingRecord, wire: WireId): void {
    if (this.#config.reply_topic === undefined) {
      this.#sendOneWay(event, headers, record);
      return;
    }
    const clientsId = this.#clientsId(headers);
    if (this.#requestReply.together) {
      const facts = {
        accept: listHeaderOf(headers, 'accept'),
        prefer: listHeaderOf(headers, 'prefer'),
        shownId: clientsId ?? wire.id,
      };
      this.#requestReply.offer(event.requestId ?? '', this.#sender.request(record, wire, facts));
    } else {
      this.#sender.post(record, wire);
      event.tell('kong.ctx.shared.set', SHARED_WIRE_ID, wireIdToText(wire));
    }
    // Before Kong 3.9 the Correlation ID plugin runs after us: without this it would echo another id than was sent.
    if (clientsId === undefined) {
      event.tell('kong.service.request.set_header', this.#config.correlation_header, wire.id);
    }
    event.pass();
  }

  #sendOneWay(event: PhaseEvent, headers: HttpRequest['headers'], record: OutgoingRecord): void {
    if (this.#config.producer_async) {
      this.#sender.enqueue(record);
      answer(event, MESSAGE_SENT);
      return;
    }
    this.#sender.deliver(record, (error) => {
      if (error) this.#refuse(event, headers, error);
      else answer(event, MESSAGE_SENT);
    });
  }

  #refuse(event: PhaseEvent, headers: HttpRequest['headers'], error: unknown): void {
    this.#sender.metrics.ended(toGatewayError(error).code);
    this.#errors.answer(event, error, {
      requestId: event.requestId,
      correlationId: this.#clientsId(headers),
      accept: listHeaderOf(headers, 'accept'),
      returnErrorMessage: this.#config.error_handling.return_error_message,
    });
  }

  /** The id of Kong's Correlation ID plugin: what the client knows the request by. */
  #clientsId(headers: HttpRequest['headers']): string | undefined {
    return headerIn(headers, this.#correlationHeader);
  }
}

const MESSAGE_SENT = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: Buffer.from('{"message":"message sent"}'),
};
