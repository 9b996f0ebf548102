/** How a plugin ends a request. Kong runs nothing of the access phase after it. */
import type { Configuration } from './configuration';
import {
  errorAnswer,
  toGatewayError,
  type ErrorCode,
  type ErrorContext,
  type GatewayError,
  type HttpAnswer,
} from './errors';
import type { PhaseEvent } from './phase';
import { accessLog } from './telemetry/access-log';
import { log } from './telemetry/log';
import { NowAndThen } from './telemetry/now-and-then';

export function answer(event: PhaseEvent, { status, body, headers }: HttpAnswer): void {
  event.exit(status, body, headers);
}

export interface FailedRequest {
  readonly configuration: Configuration;
  /** When its record was about to be produced; undefined where it was not. */
  readonly sinceMs?: number | undefined;
}

/** Ends requests with errors, and tells the operator of each kind now and then. A client's mistake is none of his. */
export class ErrorAnswers {
  readonly #plugin: string;
  readonly #lines: NowAndThen<ErrorCode>;

  constructor(plugin: string, nowMs?: () => number) {
    this.#plugin = plugin;
    this.#lines = new NowAndThen(nowMs);
  }

  /** @param failed whose request it is, where that is known */
  answer(event: PhaseEvent, reason: unknown, context: ErrorContext, failed?: FailedRequest): void {
    const error = toGatewayError(reason);
    if (failed !== undefined) count(failed, error, context.requestId);
    this.#tell(event, error, reason, context);
    answer(event, errorAnswer(error, context));
    if (accessLog.isOn) this.#write(error, context, failed);
  }

  #write(
    { code, status }: GatewayError,
    { requestId, correlationId }: ErrorContext,
    failed?: FailedRequest,
  ): void {
    const { configuration, sinceMs } = failed ?? {};
    writeAccess(configuration, { plugin: this.#plugin, status, code, requestId, correlationId, sinceMs });
  }

  #tell(event: PhaseEvent, error: GatewayError, reason: unknown, context: ErrorContext): void {
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
    const line = this.#lines.due(code);
    if (line === undefined) {
      log.debug('a request was refused', facts);
      return;
    }
    log.warn('a request failed; further ones with this code are counted, and logged at level debug', {
      ...facts,
      further_times: line.further,
    });
    // The output of a server that Kong manages is invisible at Kong's default log level; this line is not.
    if (line.further === undefined) event.tell('kong.log.err', `${this.#plugin}: ${code}: ${ownDetail}`);
  }
}

function count({ configuration, sinceMs }: FailedRequest, error: GatewayError, requestId?: string): void {
  const { activity, metrics } = configuration;
  activity.failed(error);
  if (sinceMs === undefined) metrics.ended(error.code);
  else metrics.answered(error.code, sinceMs, requestId);
}

export interface AccessEntry {
  readonly plugin: string;
  readonly status: number;
  readonly code?: string | undefined;
  readonly requestId: string | undefined;
  readonly correlationId: string | undefined;
  readonly sinceMs?: number | undefined;
}

/** Only where `accessLog.isOn`: who asks first pays nothing where it is off. */
export function writeAccess(configuration: Configuration | undefined, entry: AccessEntry): void {
  const { plugin, status, code, requestId, correlationId, sinceMs } = entry;
  const nowMs = configuration?.activity.nowMs();
  accessLog.write({
    plugin,
    status,
    code,
    topic: configuration?.topic,
    reply_topic: configuration?.replyTopic,
    duration_ms:
      nowMs === undefined || sinceMs === undefined ? undefined : Math.round((nowMs - sinceMs) * 10) / 10,
    request_id: requestId,
    correlation_id: correlationId,
  });
}
