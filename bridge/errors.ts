/**
 * Every error a client can get, in one table, and its HTTP answer.
 *
 * Code branches on `code`, never on message text. `message` is fixed per code and safe to show; what really
 * happened travels in `detail`. Of the client's own mistakes it is always told the reason; of causes behind the gateway
 * only when the route asks for it (`error_handling.return_error_message`). None may carry payloads or credentials.
 */
import { acceptsProblem } from './accept';

interface ErrorKind {
  readonly status: number;
  readonly message: string;
  /** Seconds for the Retry-After header; only where a retry can help and nothing was sent. */
  readonly retryAfterSeconds?: number;
  /** The request itself is what is wrong: the reason tells its client nothing but its own mistake. */
  readonly isClients?: true;
}

const ERROR_KINDS = {
  request_invalid: { status: 400, message: 'The request cannot be turned into a record.', isClients: true },
  schema_mismatch: {
    status: 400,
    message: 'The request does not fit the schema of this route.',
    isClients: true,
  },
  result_unknown: { status: 404, message: 'There is no such result.', isClients: true },
  method_not_allowed: { status: 405, message: 'Results are read and deleted only.', isClients: true },
  correlation_conflict: {
    status: 409,
    message: 'A request with this correlation id is still in flight.',
    isClients: true,
  },
  result_gone: { status: 410, message: 'The result is not kept any longer.', isClients: true },
  stream_gone: {
    status: 410,
    message: 'The stream that this request comes back to is no longer kept.',
    isClients: true,
  },
  request_too_large: {
    status: 413,
    message: 'The request body is larger than this route accepts.',
    isClients: true,
  },
  unsupported_media_type: {
    status: 415,
    message: 'This route cannot carry a body of that type or encoding.',
    isClients: true,
  },
  idempotency_conflict: {
    status: 422,
    message: 'The idempotency key was used for another request.',
    isClients: true,
  },
  headers_too_large: {
    status: 431,
    message: 'The forwarded request headers are too large.',
    isClients: true,
  },
  internal: { status: 500, message: 'The gateway failed to handle the request.' },
  misconfigured: { status: 500, message: 'This route is not configured correctly.' },
  produce_failed: { status: 502, message: 'The broker refused the record.' },
  reply_invalid: { status: 502, message: 'The service sent a reply that is not usable.' },
  reply_too_large: { status: 502, message: 'The service sent a reply larger than this route accepts.' },
  responder_error: { status: 502, message: 'The service answered with an error.' },
  draining: { status: 503, message: 'The gateway is shutting down.', retryAfterSeconds: 1 },
  not_ready: {
    status: 503,
    message: 'The gateway has no working connection to Kafka yet.',
    retryAfterSeconds: 1,
  },
  overloaded: { status: 503, message: 'Too many requests are in flight.', retryAfterSeconds: 1 },
  reply_reader_lost: {
    status: 503,
    message: 'The reader that should have seen the reply is gone.',
    retryAfterSeconds: 1,
  },
  produce_timeout: { status: 504, message: 'The broker did not confirm the record in time.' },
  reply_timeout: { status: 504, message: 'No reply arrived in time.' },
} as const satisfies Record<string, ErrorKind>;

const DEFAULT_RETRY_AFTER_SECONDS = 1;

export type ErrorCode = keyof typeof ERROR_KINDS;

export const ERROR_CODES = Object.keys(ERROR_KINDS) as ErrorCode[];

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly status: number;
  /** Seconds; undefined where a retry cannot help. */
  readonly retryAfterSeconds: number | undefined;
  /** What every client is told of its own mistake; undefined when it is not one. Quotes nothing of the body. */
  readonly reason: string | undefined;
  /** Of the client's own mistake, for programs: members of the answer. As harmless as `reason`. */
  readonly facts: Readonly<Record<string, string>> | undefined;

  /** `detail` as it may be logged and shown: what a service has said is for the client alone. */
  get ownDetail(): string {
    return this.code === 'responder_error' ? 'what the service said is in the answer only' : this.detail;
  }

  /**
   * @param code one of the stable codes; decides status and message
   * @param detail what was tried, on what, and why it failed; for the log and for routes that return causes
   * @param options.reason instead of `detail`, where that names what only the operator should know, such as a topic
   */
  constructor(
    code: ErrorCode,
    readonly detail: string,
    options?: {
      cause?: unknown;
      status?: number;
      reason?: string;
      facts?: Readonly<Record<string, string>>;
    },
  ) {
    super(`${code}: ${detail}`, options?.cause === undefined ? undefined : { cause: options.cause });
    const kind: ErrorKind = ERROR_KINDS[code];
    this.code = code;
    this.status = options?.status ?? kind.status;
    this.reason = kind.isClients ? (options?.reason ?? detail) : undefined;
    this.facts = kind.isClients ? options?.facts : undefined;
    // Every 503 says when to come again, also one that a responder chose.
    this.retryAfterSeconds =
      kind.retryAfterSeconds ?? (this.status === 503 ? DEFAULT_RETRY_AFTER_SECONDS : undefined);
  }
}

/** Total: anything that is not a GatewayError is a bug of ours and becomes `internal`. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const detail = error instanceof Error ? error.message : 'a value that is not an Error was thrown';
  return new GatewayError('internal', detail, { cause: error });
}

/** What goes to the client: bytes and headers ready for `kong.response.exit`. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

export interface ErrorContext {
  /** Kong's request id, so that a client can quote it. */
  readonly requestId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** The client's Accept header; `application/problem+json` in it selects RFC 9457. Absent: plain JSON. */
  readonly accept?: string | undefined;
  /** The whole cause as `error`, whatever it is. Off by default: it tells clients about the inside. */
  readonly returnErrorMessage?: boolean | undefined;
  /** Further headers of the answer, names in lower case. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
}

/** The one place that turns an error into an HTTP answer. */
export function errorAnswer(reason: unknown, context: ErrorContext = {}): HttpAnswer {
  const error = toGatewayError(reason);
  const kind: ErrorKind = ERROR_KINDS[error.code];
  const facts = {
    code: error.code,
    request_id: context.requestId,
    correlation_id: context.correlationId,
    error: context.returnErrorMessage ? error.detail : error.reason,
    ...error.facts,
  };
  const asProblem = acceptsProblem(context.accept);
  const body = asProblem
    ? {
        type: `urn:kong-kafka-request-reply:${error.code}`,
        title: kind.message,
        status: error.status,
        ...facts,
      }
    : { message: kind.message, ...facts };
  const headers: Record<string, string | string[]> = {
    ...context.headers,
    'content-type': asProblem ? 'application/problem+json' : 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  };
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  return { status: error.status, headers, body: Buffer.from(JSON.stringify(body)) };
}
