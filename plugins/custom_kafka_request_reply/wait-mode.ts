/** `mode: wait`: the client is held until its reply is there, or let go with a 202. */
import { toGatewayError } from '../../bridge/errors';
import { answerOf, type Phase, type PhaseEvent } from '../../bridge/phase';
import type { ReplyHalf } from '../../bridge/reply-half';
import { SHARED_WIRE_ID } from '../../bridge/reply/apart';
import type { BuiltRequest, RequestHalf } from '../../bridge/request-half';
import { sentByProducer, type RequestReply } from '../../bridge/request-reply';
import { Accepting } from '../../bridge/results/accepting';
import type { RequestReplyConfig } from './config';
import type { Mode } from './mode';
import { requestHalf } from './sending';

export class WaitMode implements Mode {
  readonly access: Phase;
  readonly #config: RequestReplyConfig;
  readonly #requestReply: RequestReply;
  readonly #reply: ReplyHalf;
  readonly #request: RequestHalf;
  /** Undefined where every client waits for its reply. */
  readonly #accepting: Accepting | undefined;

  constructor(config: RequestReplyConfig, requestReply: RequestReply, reply: ReplyHalf) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#reply = reply;
    this.#accepting = Accepting.of(config.reply);
    this.#request = requestHalf(config, requestReply, reply, {
      asksForConsumer: this.#accepting !== undefined,
      send: (event, request) => this.#send(event, request),
    });
    const { channel } = this.#request.sender;
    if (channel) reply.states?.watch(channel);
    this.access = requestReply.inOwnServer ? together(this.#request) : apart(this.#request);
  }

  close(whenUnused: () => void): void {
    this.#request.close();
    whenUnused();
  }

  #send(event: PhaseEvent, request: BuiltRequest): void {
    const { headers, wire, consumerId } = request;
    this.#requestReply.refuseSent(event.requestId ?? '');
    const facts = this.#request.factsOf(request);
    const preferredSeconds = this.#reply.preferredSeconds(facts.prefer);
    const timeoutMs = this.#reply.timeoutMs(preferredSeconds);
    // Before it is sent: the record would have no key either.
    this.#reply.states?.requireKey(request.record.key);
    const sent = this.#request.sender.request(request, facts, timeoutMs);
    // Before Kong 3.9 the Correlation ID plugin echoes the header without having made it: see the producer.
    if (this.#request.clientsId(headers) === undefined) {
      event.tell('kong.service.request.set_header', this.#config.correlation_header, wire.id);
    }
    try {
      sent.wait.collector = this.#reply.collector(sent);
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
