/** The second half of a request: wait for the reply, answer with it. */
import { answer, ErrorAnswers } from '../../bridge/answer';
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { replyOptions } from '../../bridge/config/reply-options';
import { GatewayError } from '../../bridge/errors';
import { onOver, type Kong } from '../../bridge/kong';
import { nodeId } from '../../bridge/node-id';
import { SHARED_WIRE_ID, wireIdFromText } from '../../bridge/reply/apart';
import { responseMapper, type ResponseMapper } from '../../bridge/reply/http-response';
import { matchRule, type MatchRule } from '../../bridge/reply/match-rule';
import { NODE_PLACEHOLDER, replyRoute, type ReplyRoute } from '../../bridge/reply/reply-routing';
import { preferredWaitSeconds, withPreference } from '../../bridge/reply/preferred-wait';
import type { Exchange } from '../../bridge/exchange';
import type { Receiver } from '../../bridge/receiver';
import type { RequestReply } from '../../bridge/request-reply';
import { listHeaderOf, MAX_HEADERS } from '../../bridge/request/http-request';
import { kongRequestId } from '../../bridge/request/kong-request-id';
import { CONSUMER, CONSUMER_OPTIONS, type ConsumerConfig } from './config';

export class ConsumerHandler {
  readonly #config: ConsumerConfig;
  readonly #errors = new ErrorAnswers(CONSUMER.name);
  readonly #requestReply: RequestReply;
  readonly #rule: MatchRule;
  readonly #toResponse: ResponseMapper;
  /** Only where the producer is in another process. */
  readonly #receiver: Receiver | undefined;

  constructor(config: ConsumerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#rule = matchRule(config.match, config.match_name);
    this.#toResponse = responseMapper(replyOptions(config));
    if (!requestReply.together && config.bootstrap_servers && config.topic !== undefined) {
      this.#receiver = requestReply.openReceiver({
        key: configKey(CONSUMER_OPTIONS, config),
        connectionKey: configKey(CONSUMER_OPTIONS, config, isConnectionRow),
        connection: connectionOf(config, config.bootstrap_servers),
        route: routeOf(config.topic),
        rule: this.#rule,
      });
    }
  }

  async access(kong: Kong): Promise<void> {
    let requestId: string | undefined;
    let exchange: Exchange | undefined;
    let preferredSeconds: number | undefined;
    let isOver = false;
    onOver(kong, () => {
      isOver = true;
      exchange?.channel.fail(exchange.wait, new GatewayError('internal', 'Kong closed the event'));
    });
    try {
      requestId = await kongRequestId(kong);
      exchange = this.#requestReply.claim(requestId) ?? (await this.#startedElsewhere(kong));
      preferredSeconds = preferredWaitSeconds(exchange.prefer, this.#config.timeout_ceiling);
      const outcome = await this.#outcome(exchange, preferredSeconds);
      if ('error' in outcome) throw outcome.error;
      const response = this.#toResponse(outcome.reply);
      this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
      await answer(kong, { ...response, headers: withPreference(response.headers, preferredSeconds) });
    } catch (error) {
      // Kong or the plugin server has ended the event: there is nobody to answer.
      if (isOver) return;
      await this.#errors.answer(kong, error, {
        requestId,
        correlationId: exchange?.shownId,
        accept: this.#config.problem_details ? exchange?.accept : undefined,
        returnErrorMessage: this.#config.error_handling.return_error_message,
        headers: withPreference({}, preferredSeconds),
      });
    }
  }

  close(): void {
    this.#receiver?.close();
  }

  /** Not async: that would be one more suspended function for each request that waits. */
  #outcome({ channel, wait }: Exchange, preferredSeconds: number | undefined): Exchange['wait']['outcome'] {
    const timeoutMs = preferredSeconds === undefined ? this.#config.timeout : preferredSeconds * 1000;
    channel.claim(wait, timeoutMs, this.#rule);
    return wait.outcome;
  }

  async #startedElsewhere(kong: Kong): Promise<Exchange> {
    if (this.#requestReply.together) throw noProducer();
    if (!this.#receiver) {
      throw new GatewayError(
        'misconfigured',
        'bootstrap_servers and topic: required here, because custom_kafka_producer runs in another process',
      );
    }
    // One round trip for all.
    const [shared, headers] = await Promise.all([
      kong.ctx.shared.get(SHARED_WIRE_ID),
      kong.request.getHeaders(MAX_HEADERS),
    ]);
    if (typeof shared !== 'string' || shared === '') throw noProducer();
    const wire = wireIdFromText(shared);
    return this.#receiver.exchange(wire, this.#config.timeout, {
      accept: listHeaderOf(headers ?? {}, 'accept'),
      prefer: listHeaderOf(headers ?? {}, 'prefer'),
      shownId: wire.id,
    });
  }
}

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
