/** Parsed JSON in which integers that a JavaScript number cannot hold are bigints. */
import { randomBytes } from 'node:crypto';
import type { ParsedJson } from './codec';

/** As few digits as an integer beyond 2^53 can have. */
const MANY_DIGITS = /\d{16}/;
/** Strings, so that digits in them are passed over, and numbers. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const LARGE_INTEGER = /^-?\d{16,}$/;

/** No text of a client begins like this. */
const MARK = `${randomBytes(16).toString('hex')}:`;

/**
 * Almost no JSON has such integers, and what was parsed already is right then.
 * @param large makes a value of the digits of one
 */
export function exactValue(
  { text, value }: ParsedJson,
  large: (digits: string) => unknown = BigInt,
): unknown {
  if (!MANY_DIGITS.test(text)) return value;
  const marked = text.replace(TOKENS, (token) =>
    LARGE_INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token,
  );
  return JSON.parse(marked, (_name, member: unknown) =>
    typeof member === 'string' && member.startsWith(MARK) ? large(member.slice(MARK.length)) : member,
  );
}
