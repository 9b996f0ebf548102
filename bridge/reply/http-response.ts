/** Reply record -> HTTP answer. Everything in a reply is the responder's word, and checked before a client sees it. */
import { GatewayError, type HttpAnswer } from '../errors';
import type { ReceivedRecord } from '../kafka/records';

export interface ResponseOptions {
  /** Looked at in this order. */
  readonly statusHeaders: readonly string[];
  readonly maxReplyBytes: number;
}

/** Marks of a failed call: NestJS's own, and the one of SmallRye's documentation. */
const ERROR_HEADERS = new Set(['kafka_nest-err', 'REPLY_ERROR']);

/** Caps that keep one reply from filling Kong's header buffers. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_HEADERS_BYTES = 16_384;

/** RFC 9110 token. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** CR, LF and NUL could end the header and begin something else. */

const SPLITTING = /[\r\n\0]/;

export interface HttpResponse extends HttpAnswer {
  /** Headers that were meant for the client but unsafe or too many. */
  readonly droppedHeaders: number;
}

/** @throws GatewayError `reply_too_large`, `reply_invalid` or `responder_error` */
export function httpResponse(reply: ReceivedRecord, options: ResponseOptions, method: string): HttpResponse {
  const value = reply.value;
  if (value && value.length > options.maxReplyBytes) {
    throw new GatewayError(
      'reply_too_large',
      `the reply has ${value.length} bytes, the limit is ${options.maxReplyBytes} (max_reply_bytes)`,
    );
  }
  const mark = reply.headers.find(([name]) => ERROR_HEADERS.has(name));
  const named = statusFrom(reply, options.statusHeaders);
  const status = named ?? (mark ? 502 : value === null ? 204 : 200);
  if (mark && (value === null || value.length === 0)) {
    throw new GatewayError('responder_error', mark[1].toString('utf8').slice(0, 500), { status });
  }
  const { headers, droppedHeaders } = forwardedHeaders(reply, new Set(options.statusHeaders));
  const body = value ?? Buffer.alloc(0);
  if (body.length > 0) headers['content-type'] ??= guessedType(body);
  // Kong would send a Content-Length for a body it then drops.
  const bodiless = method === 'HEAD' || status === 204 || status === 304;
  return { status, headers, body: bodiless ? Buffer.alloc(0) : body, droppedHeaders };
}

function statusFrom(reply: ReceivedRecord, statusHeaders: readonly string[]): number | undefined {
  let unusable: string | undefined;
  for (const wanted of statusHeaders) {
    const header = reply.headers.find(([name]) => name === wanted);
    if (!header) continue;
    const text = header[1].toString('latin1');
    if (/^[2-5][0-9]{2}$/.test(text)) return Number(text);
    unusable ??= wanted;
  }
  if (unusable !== undefined) {
    throw new GatewayError(
      'reply_invalid',
      `the reply's header "${unusable}" is not a status from 200 to 599`,
    );
  }
  return undefined;
}

/** Only what is known to be harmless: the media type and the service's own `x-` headers, but not the status. */
function forwardedHeaders(reply: ReceivedRecord, notForwarded: ReadonlySet<string>) {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  let count = 0;
  let bytes = 0;
  let droppedHeaders = 0;
  for (const [rawName, rawValue] of reply.headers) {
    // Normalised first: proxies treat `_` and `-` alike, so a check before it could be walked around.
    const name = rawName.toLowerCase().replaceAll('_', '-');
    if (notForwarded.has(rawName) || !isForwarded(name)) continue;
    const value = rawValue.toString('latin1');
    const size = name.length + rawValue.length;
    const fits =
      count < MAX_HEADERS && rawValue.length <= MAX_HEADER_BYTES && bytes + size <= MAX_HEADERS_BYTES;
    if (!fits || !TOKEN.test(name) || SPLITTING.test(value)) {
      droppedHeaders++;
      continue;
    }
    count++;
    bytes += size;
    const earlier = headers[name];
    if (earlier === undefined) headers[name] = value;
    else if (name !== 'content-type')
      headers[name] = [...(Array.isArray(earlier) ? earlier : [earlier]), value];
  }
  return { headers, droppedHeaders };
}

function isForwarded(name: string): boolean {
  return name === 'content-type' || (name.startsWith('x-') && !name.startsWith('x-kong-'));
}

/**
 * Most JSON serialisers of Kafka frameworks name no media type. What starts like JSON is called JSON; anything
 * else must not be guessed at by a browser either.
 */
function guessedType(body: Buffer): string {
  const first = body[0];
  return first === 0x7b || first === 0x5b ? 'application/json' : 'application/octet-stream';
}
