/** How a plugin ends a request. Kong runs nothing of the access phase after it. */
import { errorAnswer, toGatewayError, type ErrorCode, type ErrorContext, type HttpAnswer } from './errors';
import type { PhaseEvent } from './phase';
import { log } from './telemetry/log';

export function answer(event: PhaseEvent, { status, body, headers }: HttpAnswer): void {
  event.exit(status, body, headers);
}

/** A broken route would flood the log: of each kind one line in this time, with the number of those in between. */
const TOLD_EVERY_MS = 60_000;

interface Told {
  atMs: number;
  /** Since then. */
  further: number;
}

/** Ends requests with errors, and tells the operator of each kind now and then. A client's mistake is none of his. */
export class ErrorAnswers {
  readonly #plugin: string;
  readonly #nowMs: () => number;
  readonly #told = new Map<ErrorCode, Told>();

  constructor(plugin: string, nowMs: () => number = () => performance.now()) {
    this.#plugin = plugin;
    this.#nowMs = nowMs;
  }

  answer(event: PhaseEvent, reason: unknown, context: ErrorContext): void {
    this.#tell(event, reason, context);
    answer(event, errorAnswer(reason, context));
  }

  #tell(event: PhaseEvent, reason: unknown, context: ErrorContext): void {
    const error = toGatewayError(reason);
    const { code, ownDetail } = error;
    const facts = {
      plugin: this.#plugin,
      code,
      detail: ownDetail,
      request_id: context.requestId,
      correlation_id: context.correlationId,
    };
    if (code === 'internal') log.error('a request failed: this is a bug', { ...facts, error: reason });
    if (error.status < 500) {
      log.debug('a request was refused', facts);
      return;
    }
    const told = this.#told.get(code);
    const nowMs = this.#nowMs();
    if (told !== undefined && nowMs - told.atMs < TOLD_EVERY_MS) {
      told.further++;
      log.debug('a request was refused', facts);
      return;
    }
    this.#told.set(code, { atMs: nowMs, further: 0 });
    log.warn('a request failed; further ones with this code are counted, and logged at level debug', {
      ...facts,
      further_times: told?.further,
    });
    // The output of a server that Kong manages is invisible at Kong's default log level; this line is not.
    if (told === undefined) event.tell('kong.log.err', `${this.#plugin}: ${code}: ${ownDetail}`);
  }
}
