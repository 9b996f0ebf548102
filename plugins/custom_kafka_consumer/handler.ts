/** The second half of a request: wait for the reply, answer with it. */
import { ErrorAnswers } from '../../bridge/answer';
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { replyOptions } from '../../bridge/config/reply-options';
import { GatewayError, toGatewayError } from '../../bridge/errors';
import type { Kong } from '../../bridge/kong';
import { answerOf, overPromises, type Phase, type PhaseEvent, type Read } from '../../bridge/phase';
import { nodeId } from '../../bridge/node-id';
import { SHARED_WIRE_ID, wireIdFromText } from '../../bridge/reply/apart';
import { responseMapper, type ResponseMapper } from '../../bridge/reply/http-response';
import { matchRule, type MatchRule } from '../../bridge/reply/match-rule';
import { NODE_PLACEHOLDER, replyRoute, type ReplyRoute } from '../../bridge/reply/reply-routing';
import { preferredWaitSeconds, withPreference } from '../../bridge/reply/preferred-wait';
import type { Exchange } from '../../bridge/exchange';
import type { Receiver } from '../../bridge/receiver';
import type { RequestReply } from '../../bridge/request-reply';
import { listHeaderOf, MAX_HEADERS, type HttpRequest } from '../../bridge/request/http-request';
import { CONSUMER, CONSUMER_OPTIONS, type ConsumerConfig } from './config';

export class ConsumerHandler {
  readonly #config: ConsumerConfig;
  readonly #errors = new ErrorAnswers(CONSUMER.name);
  readonly #requestReply: RequestReply;
  readonly #rule: MatchRule;
  readonly #toResponse: ResponseMapper;
  /** Only where the producer is in another process. */
  readonly #receiver: Receiver | undefined;
  /** What our plugin server runs. */
  readonly planned: { readonly access: Phase };

  constructor(config: ConsumerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#rule = matchRule(config.match, config.match_name);
    this.#toResponse = responseMapper(replyOptions(config));
    this.planned = {
      access: {
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
        rule: this.#rule,
      });
    }
  }

  /** What Kong's stock server runs. */
  access(kong: Kong): Promise<void> {
    return overPromises(kong, this.planned.access);
  }

  close(): void {
    this.#receiver?.close();
  }

  #run(event: PhaseEvent, answers: readonly unknown[]): void {
    let exchange: Exchange | undefined;
    try {
      exchange = this.#requestReply.claim(event.requestId ?? '') ?? this.#startedElsewhere(answers);
      this.#wait(event, exchange);
    } catch (error) {
      this.#refuse(event, error, exchange);
    }
  }

  #wait(event: PhaseEvent, exchange: Exchange): void {
    const { channel, wait } = exchange;
    const preferredSeconds = preferredWaitSeconds(exchange.prefer, this.#config.timeout_ceiling);
    let isOver = false;
    event.onOver(() => {
      // There is nobody to answer.
      isOver = true;
      channel.metrics.ended('closed');
      channel.fail(wait, new GatewayError('internal', 'Kong closed the event'));
    });
    const timeoutMs = preferredSeconds === undefined ? this.#config.timeout : preferredSeconds * 1000;
    channel.claim(wait, timeoutMs, this.#rule);
    wait.whenEnded((outcome) => {
      if (isOver) return;
      try {
        if ('error' in outcome) throw outcome.error;
        const response = this.#toResponse(outcome.reply);
        this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
        event.exit(response.status, response.body, withPreference(response.headers, preferredSeconds));
        channel.metrics.answered('ok', wait.createdAtMs, event.requestId);
      } catch (error) {
        this.#refuse(event, error, exchange, preferredSeconds);
      }
    });
  }

  #refuse(
    event: PhaseEvent,
    error: unknown,
    exchange: Exchange | undefined,
    preferredSeconds?: number,
  ): void {
    const { code } = toGatewayError(error);
    if (exchange) exchange.channel.metrics.answered(code, exchange.wait.createdAtMs, event.requestId);
    else this.#requestReply.metricsOf(CONSUMER.name).ended(code);
    this.#errors.answer(event, error, {
      requestId: event.requestId,
      correlationId: exchange?.shownId,
      accept: this.#config.problem_details ? exchange?.accept : undefined,
      returnErrorMessage: this.#config.error_handling.return_error_message,
      headers: withPreference({}, preferredSeconds),
    });
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

function noProducer(): GatewayError {
  return new GatewayError(
    'misconfigured',
    'custom_kafka_producer with a reply_topic must run on the same route',
  );
}
