/** The second half of a request: hold the client until its wait has ended, then answer. */
import { ErrorAnswers } from './answer';
import { replyOptions } from './config/reply-options';
import type { WaitConfig } from './config/wait-options';
import { GatewayError, toGatewayError } from './errors';
import type { Exchange } from './exchange';
import type { ReceivedRecord } from './kafka/records';
import type { PhaseEvent } from './phase';
import { responseMapper, type ResponseMapper } from './reply/http-response';
import { matchRule, type MatchRule } from './reply/match-rule';
import type { Outcome } from './reply/pending-replies';
import { preferredWaitSeconds, withPreference } from './reply/preferred-wait';
import type { RequestReply } from './request-reply';
import { tellLogFields, type LogFields } from './telemetry/trace-kong';

export interface ReplyHalfOptions {
  readonly plugin: string;
  readonly config: WaitConfig;
  readonly returnErrorMessage: boolean;
  /** See trace-options.ts. */
  readonly logFields: boolean;
}

/** What a trace says of a wait after which nobody is answered. */
const GONE = 'client_gone';

export class ReplyHalf {
  /** By which a record is found to be the reply. */
  readonly rule: MatchRule;
  readonly #options: ReplyHalfOptions;
  readonly #errors: ErrorAnswers;
  readonly #requestReply: RequestReply;
  readonly #toResponse: ResponseMapper;

  constructor(requestReply: RequestReply, options: ReplyHalfOptions) {
    const { config } = options;
    this.#options = options;
    this.#requestReply = requestReply;
    this.#errors = new ErrorAnswers(options.plugin);
    this.rule = matchRule(config.match, config.match_name);
    this.#toResponse = responseMapper(replyOptions(config));
  }

  /** Seconds that the client has asked for, where it may; undefined: it gets `timeout`. */
  preferredSeconds(prefer: string | undefined): number | undefined {
    return preferredWaitSeconds(prefer, this.#options.config.timeout_ceiling);
  }

  timeoutMs(preferredSeconds: number | undefined): number {
    return preferredSeconds === undefined ? this.#options.config.timeout : preferredSeconds * 1000;
  }

  /** Ends the event when the wait has ended, by whatever. */
  answer(event: PhaseEvent, exchange: Exchange, preferredSeconds: number | undefined): void {
    const { channel, wait, trace } = exchange;
    let isOver = false;
    event.onOver(() => {
      // There is nobody to answer.
      isOver = true;
      channel.fail(wait, new GatewayError('internal', 'Kong closed the event'));
    });
    wait.whenEnded((outcome) => {
      const failure = isOver ? GONE : this.#answerWith(outcome, event, exchange, preferredSeconds);
      trace.ended('reply' in outcome ? outcome.reply : undefined, failure);
    });
  }

  /** @returns the code of the error that it is */
  #answerWith(
    outcome: Outcome<ReceivedRecord>,
    event: PhaseEvent,
    exchange: Exchange,
    preferredSeconds: number | undefined,
  ): string | undefined {
    try {
      if ('error' in outcome) throw outcome.error;
      const response = this.#toResponse(outcome.reply);
      this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
      if (this.#options.logFields) tellLogFields(event, logFieldsOf('ok', exchange, outcome.reply));
      event.exit(response.status, response.body, withPreference(response.headers, preferredSeconds));
      return undefined;
    } catch (error) {
      this.refuse(event, error, exchange, preferredSeconds);
      return toGatewayError(error).code;
    }
  }

  refuse(event: PhaseEvent, error: unknown, exchange: Exchange | undefined, preferredSeconds?: number): void {
    if (this.#options.logFields) {
      tellLogFields(event, logFieldsOf(toGatewayError(error).code, exchange, undefined));
    }
    this.#errors.answer(event, error, {
      requestId: event.requestId,
      correlationId: exchange?.shownId,
      accept: this.#options.config.problem_details ? exchange?.accept : undefined,
      returnErrorMessage: this.#options.returnErrorMessage,
      headers: withPreference({}, preferredSeconds),
    });
  }
}

function logFieldsOf(
  code: string,
  exchange: Exchange | undefined,
  reply: ReceivedRecord | undefined,
): LogFields {
  return {
    code,
    topic: exchange?.topic,
    correlation_id: exchange?.wait.id,
    reply_topic: exchange?.channel.replyTopic,
    partition: reply?.partition,
    offset: reply?.offset,
  };
}
