/** How a plugin ends a request. Kong runs nothing of the access phase after it. */
import { errorAnswer, toGatewayError, type ErrorContext, type HttpAnswer } from './errors';
import type { PhaseEvent } from './phase';
import { log } from './telemetry/log';

export function answer(event: PhaseEvent, { status, body, headers }: HttpAnswer): void {
  event.exit(status, body, headers);
}

/** Ends requests with errors, and tells the operator of each kind once: a broken route would flood the log. */
export class ErrorAnswers {
  readonly #plugin: string;
  readonly #told = new Set<string>();

  constructor(plugin: string) {
    this.#plugin = plugin;
  }

  answer(event: PhaseEvent, reason: unknown, context: ErrorContext): void {
    this.#tell(event, reason, context);
    answer(event, errorAnswer(reason, context));
  }

  #tell(event: PhaseEvent, reason: unknown, context: ErrorContext): void {
    const error = toGatewayError(reason);
    const facts = {
      plugin: this.#plugin,
      code: error.code,
      detail: error.detail,
      request_id: context.requestId,
    };
    if (error.code === 'internal') log.error('a request failed: this is a bug', { ...facts, error: reason });
    const first = !this.#told.has(error.code);
    this.#told.add(error.code);
    if (error.status < 500 || !first) {
      log.debug('a request was refused', facts);
      return;
    }
    log.warn('a request failed; further ones with this code are logged at level debug', facts);
    // The output of a server that Kong manages is invisible at Kong's default log level; this line is not.
    event.tell('kong.log.err', `${this.#plugin}: ${error.code}: ${error.detail}`);
  }
}
