/** The first half of a request: HTTP request -> record, with the wait for its reply registered before it is sent. */
import { v4 as uuid } from 'uuid';
import { producerSettings } from '../../bridge/config/produce-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import type { OutgoingRecord } from '../../bridge/kafka/records';
import type { Kong } from '../../bridge/kong';
import type { RequestReply, Sender } from '../../bridge/request-reply';
import { answer, ErrorAnswers } from '../../bridge/answer';
import { SHARED_CORRELATION_ID } from '../../bridge/reply/apart';
import { headerOf, listHeaderOf, readRequest, type HttpRequest } from '../../bridge/request/http-request';
import { recordHeaders } from '../../bridge/request/record-headers';
import { recordValue } from '../../bridge/request/record-value';
import { PRODUCER, PRODUCER_OPTIONS, type ProducerConfig } from './config';

export class ProducerHandler {
  readonly #config: ProducerConfig;
  readonly #errors = new ErrorAnswers(PRODUCER.name);
  readonly #requestReply: RequestReply;
  readonly #sender: Sender;

  constructor(config: ProducerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#sender = requestReply.openSender({
      key: configKey(PRODUCER_OPTIONS, config),
      connectionKey: configKey(PRODUCER_OPTIONS, config, isConnectionRow),
      connection: {
        bootstrapServers: config.bootstrap_servers.map(({ host, port }) => `${host}:${port}`),
        produce: producerSettings(config),
      },
      topic: config.topic,
      replyTopic: config.reply_topic,
      maxInFlight: config.max_in_flight,
    });
  }

  async access(kong: Kong): Promise<void> {
    let request: HttpRequest | undefined;
    try {
      request = await readRequest(kong, {
        maxBodyBytes: this.#config.max_request_bytes,
        boundedRead: this.#requestReply.together,
      });
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
    const correlationId = uuid();
    const record = this.#record(request, correlationId);
    await this.#sender.whenReady();

    if (this.#config.reply_topic === undefined) {
      if (this.#config.producer_async) this.#sender.enqueue(record);
      else await this.#sender.deliver(record);
      return answer(kong, MESSAGE_SENT);
    }
    if (this.#requestReply.together) {
      const facts = {
        method: request.method,
        accept: listHeaderOf(request.headers, 'accept'),
        prefer: listHeaderOf(request.headers, 'prefer'),
        shownId: this.#clientsId(request) ?? correlationId,
      };
      this.#requestReply.offer(request.id, this.#sender.request(record, correlationId, facts));
    } else {
      this.#sender.post(record);
      await kong.ctx.shared.set(SHARED_CORRELATION_ID, correlationId);
    }
    // Before Kong 3.9 the Correlation ID plugin runs after us: without this it would echo another id than was sent.
    if (this.#clientsId(request) === undefined) {
      await kong.service.request.setHeader(this.#config.correlation_header, correlationId);
    }
  }

  /** The id of Kong's Correlation ID plugin: what the client knows the request by. */
  #clientsId(request: HttpRequest): string | undefined {
    return headerOf(request, this.#config.correlation_header.toLowerCase());
  }

  #record(request: HttpRequest, correlationId: string): OutgoingRecord {
    const { message_format, correlation_body_field, dialects, correlation_header, reply_topic, topic } =
      this.#config;
    return {
      topic,
      value: recordValue(message_format, request, { field: correlation_body_field, id: correlationId }),
      headers: recordHeaders(request, correlationId, {
        dialects,
        replyTopic: reply_topic,
        correlationHeader: correlation_header,
      }),
    };
  }
}

const MESSAGE_SENT = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: Buffer.from('{"message":"message sent"}'),
};
