/** What goes over a WebSocket: a message is a request, and what comes back says to which. */
import type { HttpAnswer } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH, memberBytes } from '../json-depth';
import { embeddedJson } from '../reply/embedded-json';
import { trimmed } from '../reply/reply-envelope';

export interface SocketMessage {
  /** The client's own, by which it finds what belongs to it. */
  readonly reference: string | undefined;
  readonly body: Buffer;
  readonly contentType: string;
}

const MAX_REFERENCE_CHARACTERS = 128;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
const JSON_TYPE = 'application/json';

/** An envelope is an object of exactly `ref` and `body`; all else is a body as it is. */
export function readMessage(data: Buffer, isBinary: boolean): SocketMessage {
  if (isBinary) return { reference: undefined, body: data, contentType: 'application/octet-stream' };
  const reference = data[0] === OPENING_BRACE ? referenceIn(data) : undefined;
  if (reference !== undefined)
    return { reference, body: trimmed(memberBytes(data, 'body') ?? data), contentType: JSON_TYPE };
  const isJson = data[0] === OPENING_BRACE || data[0] === OPENING_BRACKET;
  return { reference, body: data, contentType: isJson ? JSON_TYPE : 'text/plain; charset=utf-8' };
}

function referenceIn(data: Buffer): string | undefined {
  if (isDeeperThan(data, MAX_JSON_DEPTH)) return undefined;
  try {
    const members = JSON.parse(data.toString()) as Record<string, unknown>;
    const { ref } = members;
    const isEnvelope = Object.keys(members).length === 2 && Object.hasOwn(members, 'body');
    return isEnvelope && typeof ref === 'string' && ref.length <= MAX_REFERENCE_CHARACTERS ? ref : undefined;
  } catch {
    return undefined;
  }
}

export function replyMessage(reference: string, answer: HttpAnswer): string {
  const { status, headers, body } = answer;
  const json = embeddedJson(answer);
  const content = json === undefined ? `"body_base64":"${body.toString('base64')}"` : `"body":${json}`;
  return `{"ref":${JSON.stringify(reference)},"status":${status},"headers":${JSON.stringify(headers)},${content}}`;
}

/** After the last of several replies. */
export function endMessage(reference: string): string {
  return `{"ref":${JSON.stringify(reference)},"end":true}`;
}
