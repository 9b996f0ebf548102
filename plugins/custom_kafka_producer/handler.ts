/** The first half of a request: HTTP request -> record, with the wait for its reply registered before it is sent. */
import { connectionOf } from '../../bridge/config/connection-options';
import { producerSettings } from '../../bridge/config/produce-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { reportTimeoutMs } from '../../bridge/kafka/producer-settings';
import type { Kong } from '../../bridge/kong';
import type { RequestReply } from '../../bridge/request-reply';
import type { Sender } from '../../bridge/sender';
import { answer, ErrorAnswers } from '../../bridge/answer';
import { SHARED_WIRE_ID, wireIdToText } from '../../bridge/reply/apart';
import { wireId } from '../../bridge/request/correlation-id';
import { headerOf, listHeaderOf, readRequest, type HttpRequest } from '../../bridge/request/http-request';
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
      key: configKey(PRODUCER_OPTIONS, config),
      connectionKey: configKey(PRODUCER_OPTIONS, config, isConnectionRow),
      connection: { ...connectionOf(config, config.bootstrap_servers, config.timeout), produce },
      topic: config.topic,
      route,
      maxInFlight: config.max_in_flight,
      reportTimeoutMs: reportTimeoutMs(produce),
      orphanTopic: config.orphan_topic,
    });
  }

  async access(kong: Kong): Promise<void> {
    let request: HttpRequest | undefined;
    const { max_request_bytes: maxBodyBytes } = this.#config;
    try {
      request = await readRequest(kong, this.#records.needs, {
        maxBodyBytes,
        boundedRead: this.#requestReply.together,
      });
      if (request.refusal) throw request.refusal;
      const decoding = this.#records.decoded(request, maxBodyBytes);
      if (decoding) request = await decoding;
      await this.#send(kong, request);
    } catch (error) {
      await this.#errors.answer(kong, error, {
        requestId: request?.id,
        correlationId: request && this.#clientsId(request),
        accept: request && listHeaderOf(request.headers, 'accept'),
        returnErrorMessage: this.#config.error_handling.return_error_message,
      });
    }
  }

  close(): void {
    this.#sender.close();
  }

  async #send(kong: Kong, request: HttpRequest): Promise<void> {
    const clientsId = this.#clientsId(request);
    const wire = wireId(this.#config.correlation, clientsId, this.#sender.routeTag);
    const record = this.#records.build(request, wire.id);
    await this.#sender.whenReady();

    if (this.#config.reply_topic === undefined) {
      if (this.#config.producer_async) this.#sender.enqueue(record);
      else await this.#sender.deliver(record);
      return answer(kong, MESSAGE_SENT);
    }
    if (this.#requestReply.together) {
      const facts = {
        accept: listHeaderOf(request.headers, 'accept'),
        prefer: listHeaderOf(request.headers, 'prefer'),
        shownId: clientsId ?? wire.id,
      };
      this.#requestReply.offer(request.id, this.#sender.request(record, wire, facts));
    } else {
      this.#sender.post(record, wire);
      await kong.ctx.shared.set(SHARED_WIRE_ID, wireIdToText(wire));
    }
    // Before Kong 3.9 the Correlation ID plugin runs after us: without this it would echo another id than was sent.
    if (clientsId === undefined) {
      await kong.service.request.setHeader(this.#config.correlation_header, wire.id);
    }
  }

  /** The id of Kong's Correlation ID plugin: what the client knows the request by. */
  #clientsId(request: HttpRequest): string | undefined {
    return headerOf(request, this.#correlationHeader);
  }
}

const MESSAGE_SENT = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: Buffer.from('{"message":"message sent"}'),
};
