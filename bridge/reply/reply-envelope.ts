/**
 * A reply whose value is the whole HTTP answer as JSON, for services that cannot set record headers:
 *
 *     {"status": 201, "headers": {"x-order": "7", "link": ["<a>", "<b>"]}, "body": {"accepted": true}}
 *
 * All members are optional, null is as good as absent, and others are ignored: the correlation id may be among them.
 */
import { withoutMark } from '../byte-order-mark';
import { GatewayError } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH, memberBytes } from '../json-depth';
import { isStatus, MAX_STATUS, MIN_STATUS } from './reply-status';

export interface ReplyEnvelope {
  readonly status: number | undefined;
  /** In the form of record headers, as they pass the same rules. */
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
  readonly body: Buffer;
  /** For a body without a content-type of its own; undefined for bytes, which say nothing about themselves. */
  readonly bodyType: string | undefined;
}

/** Strict: bytes that are not UTF-8 are an error. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const NO_BODY = { body: Buffer.alloc(0), bodyType: undefined };

/** @throws GatewayError `reply_invalid` for a value that is no such envelope */
export function readEnvelope(given: Buffer): ReplyEnvelope {
  // Services in .NET begin with one as well as clients.
  const value = withoutMark(given);
  const members = parsed(value);
  const { status } = members;
  if (status !== undefined && !isStatus(status)) {
    throw invalid(`"status" must be an integer from ${MIN_STATUS} to ${MAX_STATUS}`);
  }
  return { status, headers: headersOf(members.headers), ...bodyOf(members, value) };
}

interface Members {
  readonly status: unknown;
  readonly headers: unknown;
  readonly body: unknown;
  readonly base64: unknown;
}

function parsed(value: Buffer): Members {
  if (isDeeperThan(value, MAX_JSON_DEPTH)) throw invalid(`it is nested deeper than ${MAX_JSON_DEPTH} levels`);
  let members: unknown;
  try {
    members = JSON.parse(UTF8.decode(value));
  } catch {
    // Without the parser's own error: that one quotes the reply.
    throw invalid('it is not valid JSON in UTF-8');
  }
  if (!isObject(members)) throw invalid('it is not a JSON object');
  return {
    status: own(members, 'status'),
    headers: own(members, 'headers'),
    body: own(members, 'body'),
    base64: own(members, 'body_base64'),
  };
}

function headersOf(headers: unknown): [string, Buffer][] {
  if (headers === undefined) return [];
  if (!isObject(headers)) throw invalid('"headers" must be an object');
  return Object.entries(headers).flatMap(([name, given]) => {
    const values: unknown[] = Array.isArray(given) ? given : [given];
    return values.map((value): [string, Buffer] => {
      if (typeof value !== 'string') throw invalid('each of "headers" must be text or a list of texts');
      return [name, Buffer.from(value)];
    });
  });
}

function bodyOf({ body, base64 }: Members, value: Buffer): Pick<ReplyEnvelope, 'body' | 'bodyType'> {
  if (body !== undefined && base64 !== undefined) throw invalid('it has both "body" and "body_base64"');
  if (base64 !== undefined) return { body: fromBase64(base64), bodyType: undefined };
  if (body === undefined) return NO_BODY;
  if (typeof body === 'string') return { body: Buffer.from(body), bodyType: 'text/plain; charset=utf-8' };
  // Printing the parsed value again would round numbers that JavaScript cannot hold.
  const bytes = trimmed(memberBytes(value, 'body') ?? Buffer.from(JSON.stringify(body)));
  return { body: bytes, bodyType: 'application/json' };
}

function fromBase64(text: unknown): Buffer {
  if (typeof text === 'string') {
    const bytes = Buffer.from(text, 'base64');
    // Node skips what is not base64; a body with holes must not pass.
    if (bytes.toString('base64') === text) return bytes;
  }
  throw invalid('"body_base64" must be base64 with padding');
}

/** Without the blanks around it. */
export function trimmed(json: Buffer): Buffer {
  const isBlank = (byte: number | undefined) => byte !== undefined && byte <= 0x20;
  let start = 0;
  let end = json.length;
  while (start < end && isBlank(json[start])) start++;
  while (end > start && isBlank(json[end - 1])) end--;
  return json.subarray(start, end);
}

/** Null is what many serialisers write for what is not there. */
function own(object: object, name: string): unknown {
  const value = Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
  return value ?? undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(why: string): GatewayError {
  return new GatewayError('reply_invalid', `the reply is not an envelope (reply_format): ${why}`);
}
