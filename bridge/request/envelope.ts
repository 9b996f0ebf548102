/**
 * The JSON object that Kong's Kafka Upstream sends: method, uri, uri_args, headers, body, body_args, body_base64.
 * What differs is what would be unsafe or lost: credentials stay out of `headers` unless named, JSON is spliced into
 * `body_args` as it was sent, and a part of a form that is not text is `{"base64": "…"}` there.
 */
import type { HttpRequest } from './http-request';
import { headerOf } from './http-request';
import { jsonText } from './json-body';
import { textFromKong, utf8Text } from './kong-text';
import { essenceOf } from './media-type';
import { parseMultipart } from './multipart';
import { parseUrlArgs, urlArgsJson } from './url-args';

export interface EnvelopeOptions {
  readonly method: boolean;
  readonly uri: boolean;
  readonly headers: boolean;
  readonly body: boolean;
  /** Whether a header of the client may be shown. */
  readonly showsHeader: (httpName: string) => boolean;
}

/** @throws GatewayError `request_invalid` when the body is not what its content type says */
export function envelope(request: HttpRequest, options: EnvelopeOptions): Buffer {
  const members: string[] = [];
  const add = (name: string, json: string) => members.push(`"${name}":${json}`);
  if (options.method) add('method', JSON.stringify(request.method));
  if (options.uri) {
    add('uri', JSON.stringify(textFromKong(request.uri ?? '')));
    add('uri_args', urlArgsJson(parseUrlArgs(request.rawQuery ?? '')));
  }
  if (options.headers) add('headers', headersJson(request, options.showsHeader));
  if (options.body) addBody(request, add);
  return Buffer.from(`{${members.join(',')}}`);
}

function headersJson(request: HttpRequest, shows: (name: string) => boolean): string {
  const shown = Object.entries(request.headers)
    .filter(([name]) => shows(name))
    .map(([name, value]): [string, string | string[]] => [
      textFromKong(name),
      typeof value === 'string' ? textFromKong(value) : oneOrMore(value.map(textFromKong)),
    ]);
  return JSON.stringify(Object.fromEntries(shown));
}

/** Kong's stock server hands over every value as a list. */
function oneOrMore(values: string[]): string | string[] {
  return values.length === 1 ? values[0]! : values;
}

/** Media types whose body travels as text; those that are parsed come on top. */
const TEXT = new Set(['text/plain', 'text/html', 'application/xml', 'text/xml', 'application/soap+xml']);

function addBody(request: HttpRequest, add: (name: string, json: string) => void): void {
  const contentType = headerOf(request, 'content-type') ?? '';
  const args = bodyArgs(request.body, contentType);
  const asText = args !== undefined || TEXT.has(essenceOf(contentType));
  const text = asText ? utf8Text(request.body) : undefined;
  add('body', JSON.stringify(text ?? request.body.toString('base64')));
  add('body_args', args ?? '{}');
  if (text === undefined) add('body_base64', 'true');
}

/** JSON text, or undefined for a body that has no parts. */
function bodyArgs(body: Buffer, contentType: string): string | undefined {
  if (body.length === 0) return '{}';
  switch (essenceOf(contentType)) {
    case 'application/json':
      return jsonText(body);
    case 'application/x-www-form-urlencoded':
      return urlArgsJson(parseUrlArgs(body.toString('latin1')));
    case 'multipart/form-data':
      return multipartArgs(body, contentType);
    default:
      return undefined;
  }
}

type PartArg = string | { readonly base64: string };

function multipartArgs(body: Buffer, contentType: string): string {
  const args = new Map<string, PartArg | PartArg[]>();
  for (const { name, content } of parseMultipart(body, contentType)) {
    const value = utf8Text(content) ?? { base64: content.toString('base64') };
    const before = args.get(name);
    if (before === undefined) args.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else args.set(name, [before, value]);
  }
  return JSON.stringify(Object.fromEntries(args));
}
