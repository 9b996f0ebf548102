/** The record header by which a responder says that a call has failed, and what it holds. */
import { isStatus, statusFromText } from './reply-status';

const MIN_ERROR_STATUS = 400;
/** More is no message, and not worth parsing. */
const MAX_MARK_BYTES = 16_384;
const MAX_MESSAGE_CHARACTERS = 500;
const OPENING_BRACE = 0x7b;

export interface ErrorMark {
  /** 400 to 599; undefined when the mark names none, as text never does. */
  readonly status: number | undefined;
  readonly message: string;
}

/**
 * Text as it is, or a JSON object with `status` (or `statusCode`) and `message`: what NestJS makes of a thrown
 * RpcException. Its default is `{"status":"error",…}`, so a status that is no number is nothing unusual.
 */
export function readErrorMark(bytes: Buffer): ErrorMark {
  const text = bytes.subarray(0, MAX_MARK_BYTES).toString('utf8');
  const fields = bytes.length <= MAX_MARK_BYTES && bytes[0] === OPENING_BRACE ? jsonObject(text) : undefined;
  const message = typeof fields?.message === 'string' ? fields.message : text;
  return {
    status: errorStatusOf(fields?.status) ?? errorStatusOf(fields?.statusCode),
    message: message.slice(0, MAX_MESSAGE_CHARACTERS),
  };
}

/** The status if it says that something went wrong: an error reply is never taken for a success. */
export function errorStatusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' ? statusFromText(value) : value;
  return isStatus(status) && status >= MIN_ERROR_STATUS ? status : undefined;
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
