/** Several answers -> the one that the client gets. */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors';
import { MAX_JSON_DEPTH } from '../json-depth';
import { embeddedJson } from '../reply/embedded-json';
import type { HttpResponse } from '../reply/http-response';
import type { CollectedForm } from './collect-rule';

export interface CollectedFacts {
  /** False: the deadline came before the last of them. */
  readonly isComplete: boolean;
  /** Undefined: nothing says how many there are. */
  readonly missing: number | undefined;
}

const NO_CONTENT_FROM = [204, 205, 304];

/** @throws GatewayError `reply_invalid` for a body that has no place in that form */
export function collectedResponse(
  replies: readonly HttpResponse[],
  form: CollectedForm,
  { isComplete, missing }: CollectedFacts,
): HttpResponse {
  const headers: Record<string, string> = {
    'x-collected': isComplete ? 'complete' : 'partial',
    'x-collected-count': String(replies.length),
    ...(missing !== undefined && { 'x-collected-missing': String(missing) }),
  };
  return {
    status: commonStatus(replies),
    droppedHeaders: replies.reduce((sum, { droppedHeaders }) => sum + droppedHeaders, 0),
    ...bodyOf(replies, form, headers),
  };
}

/** That of all of them, where they agree on one that allows for a body. */
function commonStatus(replies: readonly HttpResponse[]): number {
  const [first] = replies;
  const isCommon = first !== undefined && replies.every(({ status }) => status === first.status);
  return isCommon && !NO_CONTENT_FROM.includes(first.status) ? first.status : 200;
}

function bodyOf(
  replies: readonly HttpResponse[],
  form: CollectedForm,
  headers: Record<string, string>,
): Pick<HttpResponse, 'headers' | 'body'> {
  switch (form) {
    case 'array':
      return {
        headers: { ...headers, 'content-type': 'application/json' },
        body: Buffer.from(`[${replies.map(jsonOf).join(',')}]`),
      };
    case 'ndjson':
      return {
        headers: { ...headers, 'content-type': 'application/x-ndjson' },
        // Inside of JSON line breaks are blanks: in a string they are escaped.
        body: Buffer.from(replies.map((reply) => `${jsonOf(reply).replace(/[\r\n]+/g, ' ')}\n`).join('')),
      };
    case 'multipart': {
      // No responder can know it beforehand, and write one of its own.
      const boundary = randomUUID();
      return {
        headers: { ...headers, 'content-type': `multipart/mixed; boundary=${boundary}` },
        body: multipart(replies, boundary),
      };
    }
  }
}

function jsonOf(reply: HttpResponse): string {
  const json = embeddedJson(reply);
  if (json !== undefined) return json;
  throw new GatewayError(
    'reply_invalid',
    `one of the replies cannot be put into JSON: it is no text in UTF-8, has a content-encoding, or more than ${MAX_JSON_DEPTH} levels; with collect.as multipart it can be answered`,
  );
}

/** RFC 2046. Names and values of headers have been checked: none has a line break. */
function multipart(replies: readonly HttpResponse[], boundary: string): Buffer {
  const parts = replies.flatMap(({ status, headers, body }) => [
    Buffer.from(`--${boundary}\r\nstatus: ${status}\r\n${headerLines(headers)}\r\n`, 'latin1'),
    body,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

function headerLines(headers: HttpResponse['headers']): string {
  return Object.entries(headers)
    .flatMap(([name, given]) =>
      (Array.isArray(given) ? given : [given]).map((value) => `${name}: ${value}\r\n`),
    )
    .join('');
}
