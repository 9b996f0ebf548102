/**
 * Requests that can be told apart: a nonce in a JSON body of about 200 bytes, which the responder echoes. A reply
 * with another request's nonce is a crossed one.
 */

/** As long as Kong's request ids, for which it serves as well. */
export const NONCE_LENGTH = 32;

const FILL = 'x'.repeat(137);
const HEAD = '{"nonce":"';
const TAIL = `","item":"${FILL}"}`;

export const BODY_LENGTH = HEAD.length + NONCE_LENGTH + TAIL.length;
/** Where the nonce stands in a body. */
export const NONCE_AT = HEAD.length;

let count = 0;
const prefix = process.pid.toString(16).padStart(8, '0');

/** Unique across the processes of a run. */
export function nextNonce(): string {
  return prefix + (++count).toString(16).padStart(NONCE_LENGTH - prefix.length, '0');
}

export function bodyOf(nonce: string): string {
  return HEAD + nonce + TAIL;
}

/** Undefined for what is not one of our bodies. */
export function nonceOf(body: Buffer): string | undefined {
  if (body.length !== BODY_LENGTH) return undefined;
  const nonce = body.toString('latin1', NONCE_AT, NONCE_AT + NONCE_LENGTH);
  return body.toString('latin1') === bodyOf(nonce) ? nonce : undefined;
}
