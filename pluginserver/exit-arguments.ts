/**
 * What a handler passes to `kong.response.exit`, made safe for Kong.
 *
 * Kong drops the client's connection for a 1xx status, fails for 600, and sends a header value of null as the
 * text "NULL_VALUE"; so everything is checked here, before a byte is written.
 */

import { errorAnswer, GatewayError, type HttpAnswer } from '../bridge/errors';

const MIN_STATUS = 200;
const MAX_STATUS = 599;

/** Never throws: arguments that cannot be sent become the answer 500 `internal`, and the error says why. */
export function toAnswer(
  status: unknown,
  body: unknown,
  headers: unknown,
  requestId: string | undefined,
): { answer: HttpAnswer; error?: GatewayError } {
  try {
    const clean = exitHeaders(headers);
    return { answer: { status: exitStatus(status), body: exitBody(body, clean), headers: clean } };
  } catch (cause) {
    const error =
      cause instanceof GatewayError
        ? cause
        : new GatewayError('internal', 'the arguments of exit cannot be sent', { cause });
    return { answer: errorAnswer(error, { requestId }), error };
  }
}

function exitStatus(status: unknown): number {
  if (Number.isInteger(status)) {
    const code = status as number;
    if (code >= MIN_STATUS && code <= MAX_STATUS) return code;
  }
  throw new GatewayError(
    'internal',
    `exit was called with status ${describe(status)}, allowed are the integers ${MIN_STATUS} to ${MAX_STATUS}`,
  );
}

/** Bytes as they are, strings as UTF-8, nothing as the empty body, other values as JSON, as Kong itself would. */
function exitBody(body: unknown, headers: Record<string, string | string[]>): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (typeof body !== 'object') {
    throw new GatewayError('internal', `exit was called with a ${typeof body} as its body`);
  }
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) {
    headers['content-type'] = 'application/json; charset=utf-8';
  }
  return Buffer.from(JSON.stringify(body));
}

function exitHeaders(headers: unknown): Record<string, string | string[]> {
  const clean = Object.create(null) as Record<string, string | string[]>;
  if (headers === undefined || headers === null) return clean;
  if (typeof headers !== 'object' || Array.isArray(headers)) {
    throw new GatewayError('internal', `exit was called with headers that are ${describe(headers)}`);
  }
  for (const [name, value] of Object.entries(headers)) {
    const clear = headerValue(value);
    if (clear !== undefined) clean[name] = clear;
  }
  return clean;
}

/** Strings and lists of strings; numbers and booleans become text; what is empty or absent is left out. */
export function headerValue(value: unknown): string | string[] | undefined {
  if (!Array.isArray(value)) return headerText(value);
  const texts = value.map(headerText).filter((item) => item !== undefined);
  return texts.length === 0 ? undefined : texts;
}

function headerText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined || value === null) return undefined;
  throw new GatewayError(
    'internal',
    `a header value is ${describe(value)}, allowed are strings and lists of strings`,
  );
}

/** Without the value itself, which may be payload. */
function describe(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`;
}
