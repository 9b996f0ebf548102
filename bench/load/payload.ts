/**
 * Requests that can be told apart: a nonce in a JSON body of about 200 bytes, which the responder echoes. A reply
 * with another request's nonce is a crossed one.
 */

/** As long as Kong's request ids, for which it serves as well. */
export const NONCE_LENGTH = 32;

const HEAD = '{"nonce":"';
const MIDDLE = '","item":"';
const TAIL = '"}';
const FRAME_LENGTH = HEAD.length + NONCE_LENGTH + MIDDLE.length + TAIL.length;

/** Of a body unless another length is asked for. */
export const BODY_LENGTH = FRAME_LENGTH + 137;
/** Where the nonce stands in a body. */
export const NONCE_AT = HEAD.length;

let count = 0;
const prefix = process.pid.toString(16).padStart(8, '0');

/** Unique across the processes of a run. */
export function nextNonce(): string {
  return prefix + (++count).toString(16).padStart(NONCE_LENGTH - prefix.length, '0');
}

const fills = new Map<number, string>();

/** @param length in bytes, from 54 on */
export function bodyOf(nonce: string, length = BODY_LENGTH): string {
  const fillLength = length - FRAME_LENGTH;
  let fill = fills.get(fillLength);
  if (fill === undefined) fills.set(fillLength, (fill = 'x'.repeat(fillLength)));
  return HEAD + nonce + MIDDLE + fill + TAIL;
}

/** Undefined for what is not one of our bodies, whatever its length. */
export function nonceOf(body: Buffer): string | undefined {
  if (body.length < FRAME_LENGTH) return undefined;
  const nonce = body.toString('latin1', NONCE_AT, NONCE_AT + NONCE_LENGTH);
  return body.toString('latin1') === bodyOf(nonce, body.length) ? nonce : undefined;
}
