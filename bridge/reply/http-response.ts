/** Reply record -> HTTP answer. Everything in a reply is the responder's word, and checked before a client sees it. */
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
export type ResponseMapper = (reply: ReceivedRecord, method: string) => HttpResponse;

/** RFC 9110: these have no content, whatever the reply says. */
const BODILESS = new Set([204, 205, 304]);
const NO_BODY = Buffer.alloc(0);

/** What a reply says, whatever its format. */
interface Content {
  readonly status: number | undefined;
  readonly headers: ReceivedRecord['headers'];
  readonly body: Buffer;
  readonly bodyType: string | undefined;
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

  return (reply, method) => {
    const { value } = reply;
    if (value && value.length > maxReplyBytes) {
      throw new GatewayError(
        'reply_too_large',
        `the reply has ${value.length} bytes, the limit is ${maxReplyBytes} (max_reply_bytes)`,
      );
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
    const { headers, droppedHeaders } = forwarded(content.headers);
    const bodiless = BODILESS.has(status);
    if (!bodiless && content.body.length > 0) headers['content-type'] ??= guessedType(content);
    // Kong would send a Content-Length for a body it then drops.
    return { status, headers, body: bodiless || method === 'HEAD' ? NO_BODY : content.body, droppedHeaders };
  };
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
  return first === 0x7b || first === 0x5b ? 'application/json' : (bodyType ?? 'application/octet-stream');
}
