/** The second half of a request: wait for the reply, answer with it. */
import { answer, ErrorAnswers } from '../../bridge/answer';
import { connectionOf } from '../../bridge/config/connection-options';
import { configKey, isConnectionRow } from '../../bridge/config/parse';
import { GatewayError } from '../../bridge/errors';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { signalOf, type Kong } from '../../bridge/kong';
import { SHARED_CORRELATION_ID } from '../../bridge/reply/apart';
import { httpResponse, type ResponseOptions } from '../../bridge/reply/http-response';
import { matchRule, type MatchRule } from '../../bridge/reply/match-rule';
import type { Exchange, Receiver, RequestReply } from '../../bridge/request-reply';
import { kongRequestId } from '../../bridge/request/kong-request-id';
import { CONSUMER, CONSUMER_OPTIONS, type ConsumerConfig } from './config';

export class ConsumerHandler {
  readonly #config: ConsumerConfig;
  readonly #errors = new ErrorAnswers(CONSUMER.name);
  readonly #requestReply: RequestReply;
  readonly #rule: MatchRule;
  readonly #responseOptions: ResponseOptions;
  /** Only where the producer is in another process. */
  readonly #receiver: Receiver | undefined;

  constructor(config: ConsumerConfig, requestReply: RequestReply) {
    this.#config = config;
    this.#requestReply = requestReply;
    this.#rule = matchRule(config.match, config.match_name);
    this.#responseOptions = { statusHeaders: config.status_headers, maxReplyBytes: config.max_reply_bytes };
    if (!requestReply.together && config.bootstrap_servers && config.topic !== undefined) {
      this.#receiver = requestReply.openReceiver({
        key: configKey(CONSUMER_OPTIONS, config),
        connectionKey: configKey(CONSUMER_OPTIONS, config, isConnectionRow),
        connection: connectionOf(config, config.bootstrap_servers),
        replyTopic: config.topic,
        rule: this.#rule,
      });
    }
  }

  async access(kong: Kong): Promise<void> {
    let requestId: string | undefined;
    let exchange: Exchange | undefined;
    try {
      requestId = await kongRequestId(kong);
      exchange = this.#requestReply.claim(requestId) ?? (await this.#startedElsewhere(kong));
      const reply = await this.#reply(exchange, signalOf(kong));
      const response = httpResponse(reply, this.#responseOptions, exchange.method);
      this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
      await answer(kong, response);
    } catch (error) {
      // Kong or the plugin server has ended the event: there is nobody to answer.
      if (signalOf(kong)?.aborted) return;
      await this.#errors.answer(kong, error, {
        requestId,
        correlationId: exchange?.shownId,
        accept: exchange?.accept,
        returnErrorMessage: this.#config.error_handling.return_error_message,
      });
    }
  }

  close(): void {
    this.#receiver?.close();
  }

  async #reply(exchange: Exchange, signal: AbortSignal | undefined): Promise<ReceivedRecord> {
    const { channel, wait } = exchange;
    channel.claim(wait, this.#config.timeout, this.#rule);
    const giveUp = () => channel.fail(wait.id, new GatewayError('internal', 'Kong closed the event'));
    signal?.addEventListener('abort', giveUp);
    const outcome = await wait.outcome;
    signal?.removeEventListener('abort', giveUp);
    if ('error' in outcome) throw outcome.error;
    return outcome.reply;
  }

  async #startedElsewhere(kong: Kong): Promise<Exchange> {
    if (this.#requestReply.together) {
      throw new GatewayError(
        'misconfigured',
        'custom_kafka_producer with a reply_topic must run on the same route',
      );
    }
    if (!this.#receiver) {
      throw new GatewayError(
        'misconfigured',
        'bootstrap_servers and topic: required here, because custom_kafka_producer runs in another process',
      );
    }
    const correlationId = await kong.ctx.shared.get(SHARED_CORRELATION_ID);
    if (typeof correlationId !== 'string' || correlationId === '') {
      throw new GatewayError(
        'misconfigured',
        'custom_kafka_producer with a reply_topic must run on the same route',
      );
    }
    return this.#receiver.exchange(correlationId, this.#config.timeout);
  }
}
