/** The first half of a request: HTTP request -> record, with the wait for its reply registered before it is sent. */
import { answer, writeAccess } from '../../bridge/answer';
import { producerSettings } from '../../bridge/config/produce-options';
import { GatewayError } from '../../bridge/errors';
import type { Kong } from '../../bridge/kong';
import { overPromises, type Phase, type PhaseEvent } from '../../bridge/phase';
import { SHARED_WIRE_ID, wireIdToText } from '../../bridge/reply/apart';
import { RequestHalf, type BuiltRequest } from '../../bridge/request-half';
import type { HttpRequest } from '../../bridge/request/http-request';
import type { RequestReply } from '../../bridge/request-reply';
import { accessLog } from '../../bridge/telemetry/access-log';
import { tellLogFields } from '../../bridge/telemetry/trace-kong';
import { PRODUCER, PRODUCER_OPTIONS, type ProducerConfig } from './config';

export class ProducerHandler {
  readonly #config: ProducerConfig;
  readonly #requestReply: RequestReply;
  readonly #half: RequestHalf;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: ProducerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    if (config.idempotency !== 'off' && !requestReply.together)
      throw new GatewayError('misconfigured', NOT_APART);
    this.#half = new RequestHalf(requestReply, {
      plugin: PRODUCER.name,
      table: PRODUCER_OPTIONS,
      config,
      produce: producerSettings(config, config),
      problemDetails: true,
      send: (event, request) => this.#send(event, request),
    });
    const run = this.#half.run.bind(this.#half);
    // Whether the other half streams is its secret: whoever comes back to a stream says so in a way of ours.
    const runUnlessBack: Phase['run'] = (event, answers) => {
      const lastEventId = (answers[0] as HttpRequest['headers'] | undefined)?.['last-event-id'];
      if (lastEventId === undefined || !this.#isBack(event, answers, lastEventId)) run(event, answers);
    };
    const isPair = config.reply_topic !== undefined && requestReply.together;
    this.planned = { access: { reads: this.#half.reads, run: isPair ? runUnlessBack : run } };
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#half.close();
  }

  /** Of a client that comes back to its stream no record is made. */
  #isBack(event: PhaseEvent, answers: readonly unknown[], lastEventId: unknown): boolean {
    try {
      const { streams } = this.#requestReply;
      const { configuration } = this.#half.sender;
      if (!streams.isReturn(lastEventId, configuration, event.requestId ?? '')) return false;
      event.pass();
    } catch (error) {
      this.#half.refuse(event, answers[0] as HttpRequest['headers'], error);
    }
    return true;
  }

  #send(event: PhaseEvent, request: BuiltRequest): void {
    if (this.#config.reply_topic === undefined) {
      this.#sendOneWay(event, request);
      return;
    }
    const { headers, wire } = request;
    const { sender } = this.#half;
    if (this.#requestReply.together) {
      // The other half would take the wait of another request.
      if (!event.requestId) throw new GatewayError('internal', 'Kong has told no id of the request');
      this.#requestReply.offer(event.requestId, sender.request(request, this.#half.factsOf(request)));
    } else {
      sender.post(request, this.#half.idsOf(event, request));
      event.tell('kong.ctx.shared.set', SHARED_WIRE_ID, wireIdToText(wire));
    }
    // Before Kong 3.9 the Correlation ID plugin runs after us: without this it would echo another id than was sent.
    if (this.#half.clientsId(headers) === undefined) {
      event.tell('kong.service.request.set_header', this.#config.correlation_header, wire.id);
    }
    event.pass();
  }

  #sendOneWay(event: PhaseEvent, request: BuiltRequest): void {
    const { headers } = request;
    const { topic } = request.record;
    const { sender } = this.#half;
    if (this.#config.producer_async) {
      sender.enqueue(request, this.#half.idsOf(event, request));
      this.#tellSent(event, request);
      return;
    }
    sender.deliver(request, (error) => {
      if (error) this.#half.refuse(event, headers, error, topic);
      else this.#tellSent(event, request);
    });
  }

  #tellSent(event: PhaseEvent, { headers, record }: BuiltRequest): void {
    if (this.#config.log_fields) tellLogFields(event, { code: 'ok', topic: record.topic });
    answer(event, MESSAGE_SENT);
    if (accessLog.isOn) {
      const facts = { plugin: PRODUCER.name, status: MESSAGE_SENT.status, requestId: event.requestId };
      writeAccess(this.#half.sender.configuration, {
        ...facts,
        correlationId: this.#half.clientsId(headers),
      });
    }
  }
}

const NOT_APART =
  'idempotency: needs both plugins in one process, because only the one that waits for the reply can share it';

const MESSAGE_SENT = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: Buffer.from('{"message":"message sent"}'),
};
