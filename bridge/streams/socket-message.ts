/** What goes over a WebSocket: a message is a request, and what comes back says to which. */
import type { HttpAnswer } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH, memberBytes } from '../json-depth';
import { embeddedJson } from '../reply/embedded-json';
import { trimmed } from '../reply/reply-envelope';

export interface SocketMessage {
  /** The client's own, by which it finds what belongs to it. */
  readonly reference: string | undefined;
  /** Its Idempotency-Key, as the client has written it; undefined where it has none. */
  readonly key: unknown;
  readonly body: Buffer;
  readonly contentType: string;
}

const MAX_REFERENCE_CHARACTERS = 128;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
const JSON_TYPE = 'application/json';
const MEMBERS: ReadonlySet<string> = new Set(['ref', 'key', 'body']);

/** An envelope is an object of `ref` and `body`, maybe `key`, and nothing else; all else is a body as it is. */
export function readMessage(data: Buffer, isBinary: boolean): SocketMessage {
  const bare = { reference: undefined, key: undefined, body: data };
  if (isBinary) return { ...bare, contentType: 'application/octet-stream' };
  const envelope = data[0] === OPENING_BRACE ? envelopeIn(data) : undefined;
  if (envelope !== undefined)
    return { ...envelope, body: trimmed(memberBytes(data, 'body') ?? data), contentType: JSON_TYPE };
  const isJson = data[0] === OPENING_BRACE || data[0] === OPENING_BRACKET;
  return { ...bare, contentType: isJson ? JSON_TYPE : 'text/plain; charset=utf-8' };
}

function envelopeIn(data: Buffer): Pick<SocketMessage, 'reference' | 'key'> | undefined {
  if (isDeeperThan(data, MAX_JSON_DEPTH)) return undefined;
  try {
    const members = JSON.parse(data.toString()) as Record<string, unknown>;
    if (!Object.hasOwn(members, 'body') || !Object.keys(members).every((name) => MEMBERS.has(name)))
      return undefined;
    const { ref, key } = members;
    return typeof ref === 'string' && ref.length <= MAX_REFERENCE_CHARACTERS
      ? { reference: ref, key }
      : undefined;
  } catch {
    return undefined;
  }
}

/** @param isReplayed its request has had this reply before */
export function replyMessage(reference: string, answer: HttpAnswer, isReplayed = false): string {
  const { status, headers, body } = answer;
  const json = embeddedJson(answer);
  const content = json === undefined ? `"body_base64":"${body.toString('base64')}"` : `"body":${json}`;
  const replayed = isReplayed ? '"replayed":true,' : '';
  return `{"ref":${JSON.stringify(reference)},"status":${status},${replayed}"headers":${JSON.stringify(headers)},${content}}`;
}

/**
 * After the last of several replies.
 * @param missing so many places among them had none
 */
export function endMessage(reference: string, missing = 0): string {
  return `{"ref":${JSON.stringify(reference)},"end":true${missing > 0 ? `,"missing":${missing}` : ''}}`;
}
