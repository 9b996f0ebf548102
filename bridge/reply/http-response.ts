/** Reply record -> HTTP answer. Everything in a reply is the responder's word, and checked before a client sees it. */
import { codingsOf, CONTENT_CODINGS, isContentCoding } from '../content-coding';
import { GatewayError, type HttpAnswer } from '../errors';
import type { ReceivedRecord } from '../kafka/records';
import { errorStatusOf, readErrorMark } from './error-mark';
import { headerForwarder } from './forwarded-headers';
import { readEnvelope } from './reply-envelope';
import { sendable, statusReader } from './reply-status';

export const REPLY_FORMATS = ['raw', 'envelope'] as const;

export interface ReplyOptions {
  /** `raw`: the value is the body, record headers say the rest. `envelope`: see reply-envelope.ts. */
  readonly format: (typeof REPLY_FORMATS)[number];
  /** Looked at in this order. */
  readonly statusHeaders: readonly string[];
  /** Presence of one makes an error reply. */
  readonly errorHeaders: readonly string[];
  /** Status of an error reply that names none. */
  readonly errorStatus: number;
  /** Headers for the client, as in `ForwardRules`. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly maxReplyBytes: number;
}

export interface HttpResponse extends HttpAnswer {
  /** Headers that were meant for the client but unsafe or too many. */
  readonly droppedHeaders: number;
}

/** @throws GatewayError `reply_too_large`, `reply_invalid` or `responder_error`, and nothing else */
export type ResponseMapper = (reply: ReceivedRecord) => HttpResponse;

/** RFC 9110: these have no content, whatever the reply says. */
const BODILESS = new Set([204, 205, 304]);
const NO_BODY = Buffer.alloc(0);

const UNKNOWN_TYPE = 'application/octet-stream';

/** What a reply says, whatever its format. */
interface Content {
  readonly status: number | undefined;
  readonly headers: ReceivedRecord['headers'];
  readonly body: Buffer;
  /** Undefined for bytes, which say nothing about themselves. */
  readonly bodyType: string | undefined;
}

export function tooLarge(bytes: number, limit: number): GatewayError {
  return new GatewayError(
    'reply_too_large',
    `the reply has ${bytes} bytes, the limit is ${limit} (max_reply_bytes)`,
  );
}

/** Everything that depends only on the configuration is done here, once. */
export function responseMapper(options: ReplyOptions): ResponseMapper {
  const { format, errorStatus, maxReplyBytes, statusHeaders, include, exclude } = options;
  const errorHeaders = new Set(options.errorHeaders);
  const statusOf = statusReader(statusHeaders);
  const forwarded = headerForwarder({
    include,
    exclude,
    readByGateway: [...statusHeaders, ...options.errorHeaders],
  });

  return (reply) => {
    const { value } = reply;
    if (value && value.length > maxReplyBytes) {
      throw tooLarge(value.length, maxReplyBytes);
    }
    const mark = errorHeaders.size > 0 && reply.headers.find(([name]) => errorHeaders.has(name));
    if (mark && (value === null || value.length === 0)) {
      const { status, message } = readErrorMark(mark[1]);
      throw new GatewayError('responder_error', message, {
        status: sendable(errorStatusOf(statusOf(reply)) ?? status ?? errorStatus),
      });
    }
    const content = format === 'envelope' && value ? readEnvelope(value) : rawContent(reply);
    const named = content.status ?? statusOf(reply);
    const status = sendable(
      mark
        ? (errorStatusOf(named) ?? readErrorMark(mark[1]).status ?? errorStatus)
        : (named ?? (value === null ? 204 : 200)),
    );
    const { headers, droppedHeaders, contentEncoding } = forwarded(content.headers);
    if (BODILESS.has(status) || content.body.length === 0) {
      return { status, headers, body: NO_BODY, droppedHeaders };
    }
    const coding = contentEncoding === undefined ? undefined : replyCoding(contentEncoding, content);
    if (coding !== undefined) headers['content-encoding'] = coding;
    headers['content-type'] ??= coding === undefined ? guessedType(content) : UNKNOWN_TYPE;
    // Also for HEAD: nginx sends the length of what it leaves out.
    return { status, headers, body: content.body, droppedHeaders };
  };
}

/** The same with another status, which is one that can be sent. */
export function withStatus(response: HttpResponse, status: number): HttpResponse {
  return BODILESS.has(status) ? { ...response, status, body: NO_BODY } : { ...response, status };
}

/**
 * Undefined where there is none. The body is never decoded, so it must be one that every client knows.
 * @throws GatewayError `reply_invalid`
 */
function replyCoding(contentEncoding: string, { bodyType }: Content): string | undefined {
  const [coding, ...others] = codingsOf(contentEncoding);
  if (coding === undefined) return undefined;
  if (others.length > 0 || !isContentCoding(coding)) {
    throw new GatewayError(
      'reply_invalid',
      `the reply's content-encoding is not one of ${CONTENT_CODINGS.join(', ')} and identity`,
    );
  }
  if (bodyType !== undefined) {
    throw new GatewayError(
      'reply_invalid',
      'the reply has a content-encoding, and a "body" that is plain text or JSON',
    );
  }
  return coding;
}

function rawContent({ headers, value }: ReceivedRecord): Content {
  return { status: undefined, headers, body: value ?? NO_BODY, bodyType: undefined };
}

/**
 * Most JSON serialisers of Kafka frameworks name no media type. What starts like JSON is called JSON; anything
 * else must not be guessed at by a browser either.
 */
function guessedType({ body, bodyType }: Content): string {
  const first = body[0];
  return first === 0x7b || first === 0x5b ? 'application/json' : (bodyType ?? UNKNOWN_TYPE);
}
