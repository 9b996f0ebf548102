/**
 * The JSON object that Kong's Kafka Upstream sends: method, uri, uri_args, headers, body, body_args, body_base64.
 * What differs is what would be unsafe or lost: credentials stay out of `headers` unless named, JSON is spliced into
 * `body_args` as it was sent, and a part of a form that is not text is `{"base64": "…"}` there.
 */
import { withoutMark } from '../byte-order-mark';
import { extendsAscii, foreignCharset, readText, strictReader } from './charset';
import { contentOf, headerOf, type HttpRequest } from './http-request';
import { jsonBody } from './json-body';
import { textFromKong, utf8Text } from './kong-text';
import { essenceOf } from './media-type';
import { parseMultipart } from './multipart';
import { parseUrlArgs, urlArgsJson, type UrlArgs } from './url-args';

export interface EnvelopeOptions {
  readonly method: boolean;
  readonly uri: boolean;
  readonly headers: boolean;
  readonly body: boolean;
  /** Whether a header of the client may be shown. */
  readonly showsHeader: (httpName: string) => boolean;
}

/** @throws GatewayError `request_invalid`, `unsupported_media_type` when the body is not what its content type says */
export function envelope(request: HttpRequest, options: EnvelopeOptions): Buffer {
  const members: string[] = [];
  const add = (name: string, json: string) => members.push(`"${name}":${json}`);
  if (options.method) add('method', JSON.stringify(request.method));
  if (options.uri) {
    add('uri', JSON.stringify(textFromKong(request.uri ?? '')));
    add('uri_args', urlArgsJson(parseUrlArgs(request.rawQuery ?? '')));
  }
  if (options.headers) add('headers', headersJson(request, options));
  if (options.body) addBody(request, add);
  return Buffer.from(`{${members.join(',')}}`);
}

/** What a body that was decoded does not fit any more. */
const OF_THE_ENCODED_BODY = ['content-encoding', 'content-length'];

function headersJson(request: HttpRequest, { body, showsHeader }: EnvelopeOptions): string {
  const untrue = body && request.decodedBody !== undefined ? OF_THE_ENCODED_BODY : [];
  const shown = Object.entries(request.headers)
    .filter(([name]) => showsHeader(name) && !untrue.includes(name))
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
  const essence = essenceOf(contentType);
  const content = contentOf(request);
  const args = bodyArgs(request, content, contentType);
  const text = args !== undefined || TEXT.has(essence) ? bodyText(content, contentType) : undefined;
  add('body', JSON.stringify(text ?? content.toString('base64')));
  add('body_args', args ?? '{}');
  if (text === undefined) add('body_base64', 'true');
}

const MULTIPART = 'multipart/form-data';

/** Of a form with parts each has a charset of its own. */
function bodyText(content: Buffer, contentType: string): string | undefined {
  return essenceOf(contentType) === MULTIPART ? utf8Text(content) : readText(content, contentType);
}

/** JSON text, or undefined for a body that has no parts. */
function bodyArgs(request: HttpRequest, content: Buffer, contentType: string): string | undefined {
  if (content.length === 0) return '{}';
  switch (essenceOf(contentType)) {
    case 'application/json':
      return jsonBody(request).text;
    case 'application/x-www-form-urlencoded':
      return urlArgsJson(formArgs(content, contentType));
    case MULTIPART:
      return multipartArgs(content, contentType);
    default:
      return undefined;
  }
}

/** The charset is that of the bytes behind the escapes, too. */
function formArgs(content: Buffer, contentType: string): UrlArgs {
  const charset = foreignCharset(contentType);
  if (charset === undefined) return parseUrlArgs(withoutMark(content).toString('latin1'));
  const read = strictReader(charset);
  return extendsAscii(charset)
    ? parseUrlArgs(content.toString('latin1'), read)
    : parseUrlArgs(Buffer.from(read(content)).toString('latin1'));
}

type PartArg = string | { readonly base64: string };

/** A file that begins with a byte order mark keeps it. */
function readPart(content: Buffer, contentType: string | undefined): string | undefined {
  return foreignCharset(contentType) === undefined ? utf8Text(content) : readText(content, contentType);
}

function multipartArgs(body: Buffer, contentType: string): string {
  const args = new Map<string, PartArg | PartArg[]>();
  for (const { name, content, contentType: partType } of parseMultipart(body, contentType)) {
    const value = readPart(content, partType) ?? { base64: content.toString('base64') };
    const before = args.get(name);
    if (before === undefined) args.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else args.set(name, [before, value]);
  }
  return JSON.stringify(Object.fromEntries(args));
}
