/** The second half of a request: hold the client until its wait has ended, then answer. */
import { ErrorAnswers, writeAccess } from './answer';
import type { CollectedReplies } from './collect/collected-replies';
import { Collecting } from './collect/collecting';
import { collectRule } from './config/collect-options';
import { replyOptions } from './config/reply-options';
import type { WaitConfig } from './config/wait-options';
import { errorAnswer, GatewayError, toGatewayError, type HttpAnswer } from './errors';
import { wireIdOf, type Exchange } from './exchange';
import type { ReceivedRecord } from './kafka/records';
import type { PhaseEvent } from './phase';
import { NOT_REPEATED, type Collector } from './reply/collector';
import { decodedRule } from './reply/decoded-rule';
import {
  responseMapper,
  tooLarge,
  withStatus,
  type HttpResponse,
  type ResponseMapper,
} from './reply/http-response';
import { matchRule, type MatchRule } from './reply/match-rule';
import type { Answered } from './reply/pending-replies';
import { preferredWaitSeconds, withPreference } from './reply/preferred-wait';
import type { RequestReply } from './request-reply';
import type { Acceptance } from './results/acceptance';
import type { ReplySchemas } from './schema-registry/reply-schemas';
import { StateWaits } from './states/state-waits';
import { accessLog } from './telemetry/access-log';
import { tellLogFields, type LogFields } from './telemetry/trace-kong';

export interface ReplyHalfOptions {
  readonly plugin: string;
  readonly config: WaitConfig;
  readonly returnErrorMessage: boolean;
  /** With which replies are read; undefined: they are as they are. Closed by this half. */
  readonly schemas?: ReplySchemas | undefined;
  /** See trace-options.ts. */
  readonly logFields: boolean;
}

/** What a trace says of a wait after which nobody is answered. */
const GONE = 'client_gone';

export class ReplyHalf {
  /** By which a record is found to be the reply. */
  readonly rule: MatchRule;
  /** Undefined where a reply ends the wait. */
  readonly states: StateWaits | undefined;
  readonly #options: ReplyHalfOptions;
  readonly #errors: ErrorAnswers;
  readonly #requestReply: RequestReply;
  readonly #toResponse: ResponseMapper;
  readonly #whenReadable: WhenReadable;
  /** Undefined: the first reply is the answer. */
  readonly #collecting: Collecting | undefined;

  constructor(requestReply: RequestReply, options: ReplyHalfOptions) {
    const { config, schemas } = options;
    this.#options = options;
    this.#requestReply = requestReply;
    this.#errors = new ErrorAnswers(options.plugin);
    const matching = matchRule(config.match, config.match_name);
    this.rule = schemas ? decodedRule(matching, config.match, schemas) : matching;
    this.#whenReadable = schemas
      ? this.#decodedBy(schemas)
      : (outcome, _exchange, _preferredSeconds, use) => use(outcome);
    const response = replyOptions(config);
    const toResponse = responseMapper(
      schemas ? { ...response, maxReplyBytes: schemas.maxCharacters } : response,
    );
    const states = StateWaits.of(requestReply.states, this.rule, config.wait_for);
    if (states && schemas) throw new GatewayError('misconfigured', STATES_OF_SCHEMAS);
    this.states = states;
    this.#toResponse = states ? (event) => withStatus(toResponse(event), states.statusOf(event)) : toResponse;
    const rule = collectRule(config);
    this.#collecting = rule && new Collecting(rule, response.errorHeaders, requestReply);
  }

  get plugin(): string {
    return this.#options.plugin;
  }

  /** What takes the replies of this wait, where one is not enough. @throws GatewayError `misconfigured` */
  collector(exchange: Exchange): Collector | undefined {
    if (this.#collecting === undefined) return undefined;
    if (exchange.repeats !== undefined) throw new GatewayError('misconfigured', `collect: ${NOT_REPEATED}`);
    return this.#collecting.begin(exchange);
  }

  /** Seconds that the client has asked for, where it may; undefined: it gets `timeout`. */
  preferredSeconds(prefer: string | undefined): number | undefined {
    return preferredWaitSeconds(prefer, this.#options.config.timeout_ceiling);
  }

  timeoutMs(preferredSeconds: number | undefined): number {
    return preferredSeconds === undefined ? this.#options.config.timeout : preferredSeconds * 1000;
  }

  /**
   * Ends the event when the wait has ended, by whatever.
   * @param acceptance how it may end before its reply
   */
  answer(
    event: PhaseEvent,
    exchange: Exchange,
    preferredSeconds: number | undefined,
    acceptance?: Acceptance,
  ): void {
    const { channel, wait, configuration, trace } = exchange;
    configuration.metrics.timeoutMs = this.#options.config.timeout;
    let isOver = false;
    event.onOver(() => {
      // There is nobody to answer.
      isOver = true;
      configuration.metrics.ended('closed');
      channel.fail(wait, new GatewayError('internal', 'Kong closed the event'));
    });
    const collecting = this.#collecting;
    wait.whenEnded((outcome) => {
      if ('accepted' in outcome) {
        if (acceptance !== undefined) this.#accept(event, exchange, acceptance);
        trace.ended(undefined, undefined);
        return;
      }
      const end = (readable: Answered<ReceivedRecord>, toResponse = this.#toResponse): void => {
        const failure = isOver
          ? GONE
          : this.#answerWith(readable, event, exchange, preferredSeconds, toResponse);
        trace.ended('reply' in outcome ? outcome.reply : undefined, failure);
      };
      if (collecting === undefined) this.#whenReadable(outcome, exchange, preferredSeconds, end);
      else this.#endCollected(collecting, outcome, exchange, preferredSeconds, end);
    });
    if (acceptance !== undefined) wait.acceptAt(acceptance.moment);
  }

  /** The answer to one reply, for whoever gives several; that of an error where it cannot be had. */
  read(reply: ReceivedRecord, exchange: Exchange, use: (answer: HttpAnswer) => void): void {
    this.#whenReadable({ reply }, exchange, undefined, (readable) => {
      try {
        if ('error' in readable) throw readable.error;
        const response = this.#toResponse(readable.reply);
        this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
        use(response);
      } catch (error) {
        use(this.errorAnswer(toGatewayError(error), exchange));
      }
    });
  }

  errorAnswer(error: GatewayError, { shownId }: Pick<Exchange, 'shownId'>): HttpAnswer {
    const { returnErrorMessage } = this.#options;
    return errorAnswer(error, { correlationId: shownId, returnErrorMessage });
  }

  close(): void {
    this.states?.close();
    this.#options.schemas?.close();
  }

  /** @param end with one of the replies, and what makes the answer of all of them */
  #endCollected(
    collecting: Collecting,
    outcome: Answered<ReceivedRecord>,
    exchange: Exchange,
    preferredSeconds: number | undefined,
    end: (readable: Answered<ReceivedRecord>, toResponse?: ResponseMapper) => void,
  ): void {
    const collected = exchange.wait.collector as CollectedReplies;
    const finish = (readable: Answered<ReceivedRecord>, toResponse?: ResponseMapper): void => {
      end(readable, toResponse);
      collected.release();
    };
    const ended = collecting.ended(collected, outcome);
    if ('error' in ended) return finish(ended);
    const { replies, isComplete } = ended;
    const readable: ReceivedRecord[] = [];
    let left = replies.length;
    let failure: { readonly error: GatewayError } | undefined;
    const all = (): HttpResponse => collecting.response(collected, readable, isComplete, this.#toResponse);
    const [any] = replies;
    if (any === undefined) return finish(outcome, all);
    for (const [index, reply] of replies.entries()) {
      this.#whenReadable({ reply }, exchange, preferredSeconds, (one) => {
        if ('error' in one) failure ??= one;
        else readable[index] = one.reply;
        if (--left === 0) finish(failure ?? { reply: any }, all);
      });
    }
  }

  /** A schema that is not here yet is fetched until the client's time is over. */
  #decodedBy(schemas: ReplySchemas): WhenReadable {
    return (outcome, { wait }, preferredSeconds, use) => {
      if ('error' in outcome) return use(outcome);
      const [bytes, limit] = [outcome.reply.value?.length ?? 0, this.#options.config.max_reply_bytes];
      if (bytes > limit) return use({ error: tooLarge(bytes, limit) });
      let decoded: ReceivedRecord | Promise<ReceivedRecord>;
      try {
        decoded = schemas.decoded(outcome.reply);
      } catch (error) {
        return use({ error: toGatewayError(error) });
      }
      if (!(decoded instanceof Promise)) return use({ reply: decoded });
      let isOpen = true;
      const end = (readable: Answered<ReceivedRecord>): void => {
        if (!isOpen) return;
        isOpen = false;
        forget();
        use(readable);
      };
      const timeoutMs = this.timeoutMs(preferredSeconds);
      const late = (): void => end({ error: noSchemaInTime() });
      // A stream may be old when its reply comes.
      const forget =
        this.#options.config.mode === 'stream'
          ? this.#requestReply.within(timeoutMs, late)
          : this.#requestReply.until(wait.createdAtMs + timeoutMs, late);
      decoded.then(
        (reply) => end({ reply }),
        (error: unknown) => end({ error: toGatewayError(error) }),
      );
    };
  }

  /** @returns the code of the error that it is */
  #answerWith(
    outcome: Answered<ReceivedRecord>,
    event: PhaseEvent,
    exchange: Exchange,
    preferredSeconds: number | undefined,
    toResponse: ResponseMapper,
  ): string | undefined {
    try {
      if ('error' in outcome) throw outcome.error;
      const response = toResponse(outcome.reply);
      this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
      if (this.#options.logFields) tellLogFields(event, logFieldsOf('ok', exchange, outcome.reply));
      const headers = exchange.repeats?.isReplayed === true ? replayed(response) : response.headers;
      event.exit(response.status, response.body, withPreference(headers, preferredSeconds));
      const { configuration, wait } = exchange;
      configuration.activity.succeeded(wait.createdAtMs);
      configuration.metrics.answered('ok', wait.createdAtMs, event.requestId);
      if (accessLog.isOn) this.#write(event, exchange, response.status);
      return undefined;
    } catch (error) {
      this.refuse(event, error, exchange, preferredSeconds);
      return toGatewayError(error).code;
    }
  }

  #accept(event: PhaseEvent, exchange: Exchange, acceptance: Acceptance): void {
    const { status, headers, body } = acceptance.answer();
    const { configuration, wait } = exchange;
    if (this.#options.logFields) tellLogFields(event, logFieldsOf('accepted', exchange, undefined));
    event.exit(status, body, headers);
    configuration.activity.succeeded(wait.createdAtMs);
    configuration.metrics.answered('accepted', wait.createdAtMs, event.requestId);
    if (accessLog.isOn) this.#write(event, exchange, status);
  }

  refuse(event: PhaseEvent, error: unknown, exchange: Exchange | undefined, preferredSeconds?: number): void {
    if (this.#options.logFields) {
      tellLogFields(event, logFieldsOf(toGatewayError(error).code, exchange, undefined));
    }
    if (!exchange) this.#requestReply.metricsOf(this.#options.plugin).ended(toGatewayError(error).code);
    const context = {
      requestId: event.requestId,
      correlationId: exchange?.shownId,
      accept: this.#options.config.problem_details ? exchange?.accept : undefined,
      returnErrorMessage: this.#options.returnErrorMessage,
      headers: withPreference({}, preferredSeconds),
    };
    this.#errors.answer(
      event,
      error,
      context,
      exchange && { configuration: exchange.configuration, sinceMs: exchange.wait.createdAtMs },
    );
  }

  #write({ requestId }: PhaseEvent, { configuration, wait, shownId }: Exchange, status: number): void {
    const { plugin } = this.#options;
    const sinceMs = wait.createdAtMs;
    writeAccess(configuration, { plugin, status, requestId, correlationId: shownId, sinceMs });
  }
}

/** Calls back with the outcome of a wait when its reply can be read, or cannot be. */
type WhenReadable = (
  outcome: Answered<ReceivedRecord>,
  exchange: Exchange,
  preferredSeconds: number | undefined,
  use: (readable: Answered<ReceivedRecord>) => void,
) => void;

const STATES_OF_SCHEMAS =
  'wait_for: cannot be combined with schema_registry, as states are read from JSON events only';

/** Under the name that clients of payment services know; the standard that is being made of the key has none yet. */
function replayed({ headers }: HttpResponse): HttpResponse['headers'] {
  return { ...headers, 'idempotent-replayed': 'true' };
}

/** The request is done: to say not_ready would make the client ask for it again. */
function noSchemaInTime(): GatewayError {
  return new GatewayError('reply_invalid', 'the schema of the reply did not come in time');
}

function logFieldsOf(
  code: string,
  exchange: Exchange | undefined,
  reply: ReceivedRecord | undefined,
): LogFields {
  return {
    code,
    topic: exchange?.topic,
    correlation_id: exchange && wireIdOf(exchange),
    reply_topic: exchange?.channel.replyTopic,
    partition: reply?.partition,
    offset: reply?.offset,
  };
}
