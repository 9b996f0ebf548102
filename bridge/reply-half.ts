/** The second half of a request: hold the client until its wait has ended, then answer. */
import { ErrorAnswers } from './answer';
import { replyOptions } from './config/reply-options';
import type { WaitConfig } from './config/wait-options';
import { GatewayError } from './errors';
import type { Exchange } from './exchange';
import type { ReceivedRecord } from './kafka/records';
import type { PhaseEvent } from './phase';
import { decodedRule } from './reply/decoded-rule';
import { responseMapper, type ResponseMapper } from './reply/http-response';
import { matchRule, type MatchRule } from './reply/match-rule';
import { preferredWaitSeconds, withPreference } from './reply/preferred-wait';
import type { RequestReply } from './request-reply';
import type { ReplySchemas } from './schema-registry/reply-schemas';

export interface ReplyHalfOptions {
  readonly plugin: string;
  readonly config: WaitConfig;
  readonly returnErrorMessage: boolean;
  /** With which replies are read; undefined: they are as they are. Closed by this half. */
  readonly schemas?: ReplySchemas | undefined;
}

export class ReplyHalf {
  /** By which a record is found to be the reply. */
  readonly rule: MatchRule;
  readonly #options: ReplyHalfOptions;
  readonly #errors: ErrorAnswers;
  readonly #requestReply: RequestReply;
  readonly #toResponse: ResponseMapper;
  readonly #respond: (held: HeldClient, reply: ReceivedRecord) => void;

  constructor(requestReply: RequestReply, options: ReplyHalfOptions) {
    const { config, schemas } = options;
    this.#options = options;
    this.#requestReply = requestReply;
    this.#errors = new ErrorAnswers(options.plugin);
    const rule = matchRule(config.match, config.match_name);
    this.rule = schemas ? decodedRule(rule, config.match, schemas) : rule;
    this.#respond = schemas
      ? (held, reply) => this.#respondDecoded(schemas, held, reply)
      : (held, reply) => this.#respondAsItIs(held, reply);
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
    const { channel, wait } = exchange;
    const held: HeldClient = { event, exchange, preferredSeconds, isGone: false };
    event.onOver(() => {
      // There is nobody to answer.
      held.isGone = true;
      channel.fail(wait, new GatewayError('internal', 'Kong closed the event'));
    });
    wait.whenEnded((outcome) => {
      if (held.isGone) return;
      try {
        if ('error' in outcome) throw outcome.error;
        this.#respond(held, outcome.reply);
      } catch (error) {
        this.#refuseHeld(held, error);
      }
    });
  }

  refuse(event: PhaseEvent, error: unknown, exchange: Exchange | undefined, preferredSeconds?: number): void {
    this.#errors.answer(event, error, {
      requestId: event.requestId,
      correlationId: exchange?.shownId,
      accept: this.#options.config.problem_details ? exchange?.accept : undefined,
      returnErrorMessage: this.#options.returnErrorMessage,
      headers: withPreference({}, preferredSeconds),
    });
  }

  close(): void {
    this.#options.schemas?.close();
  }

  #respondAsItIs({ event, preferredSeconds }: HeldClient, reply: ReceivedRecord): void {
    const response = this.#toResponse(reply);
    this.#requestReply.counters.dropped_reply_headers += response.droppedHeaders;
    event.exit(response.status, response.body, withPreference(response.headers, preferredSeconds));
  }

  /** A schema that is not here yet is fetched until the client's time is over. */
  #respondDecoded(schemas: ReplySchemas, held: HeldClient, reply: ReceivedRecord): void {
    const isTooLarge = (reply.value?.length ?? 0) > this.#options.config.max_reply_bytes;
    const decoded = isTooLarge ? reply : schemas.decoded(reply);
    if (!(decoded instanceof Promise)) return this.#respondAsItIs(held, decoded);
    let isOpen = true;
    const end = (last: () => void): void => {
      if (!isOpen) return;
      isOpen = false;
      forget();
      if (held.isGone) return;
      try {
        last();
      } catch (error) {
        this.#refuseHeld(held, error);
      }
    };
    const deadlineMs = held.exchange.wait.createdAtMs + this.timeoutMs(held.preferredSeconds);
    const forget = this.#requestReply.until(deadlineMs, () =>
      end(() => this.#refuseHeld(held, noSchemaInTime())),
    );
    decoded.then(
      (readable) => end(() => this.#respondAsItIs(held, readable)),
      (error: unknown) => end(() => this.#refuseHeld(held, error)),
    );
  }

  #refuseHeld({ event, exchange, preferredSeconds }: HeldClient, error: unknown): void {
    this.refuse(event, error, exchange, preferredSeconds);
  }
}

/** A client that waits for its answer. */
interface HeldClient {
  readonly event: PhaseEvent;
  readonly exchange: Exchange;
  readonly preferredSeconds: number | undefined;
  isGone: boolean;
}

/** The request is done: to say not_ready would make the client ask for it again. */
function noSchemaInTime(): GatewayError {
  return new GatewayError('reply_invalid', 'the schema of the reply did not come in time');
}
