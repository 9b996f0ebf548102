/**
 * The headers of the record: what the responder needs to answer, what helps to follow a request, and what of the
 * client's headers the configuration lets through.
 */
import { codingsOf } from '../content-coding';
import { GatewayError } from '../errors';
import { requestHeaders, type DialectName } from '../reply/dialects';
import { B3_NAMES, type B3Form } from '../telemetry/trace-context';
import { compileHeaderRules, type CompiledRules, type HeaderRules } from './header-rules';
import { headerOf, listHeaderOf, type HttpRequest } from './http-request';
import { textFromKong } from './kong-text';
import { inUtf8 } from './media-type';
import { ADDRESSING_NAMES, CONSUMER_HEADERS, isForbidden, normalName } from './reserved-headers';
import { traceHeaders } from './trace-headers';

export type RecordHeader = readonly [name: string, value: string];
export type RecordHeaders = readonly RecordHeader[];

export interface HeaderOptions extends HeaderRules {
  readonly dialects: readonly DialectName[];
  readonly replyTopic: string | undefined;
  /** The HTTP header that holds the id of Kong's Correlation ID plugin; it travels under the same name. */
  readonly correlationHeader: string;
  readonly methodAndPath: boolean;
  readonly consumer: boolean;
  /** Milliseconds the client waits; 0: unknown, and no header says it. */
  readonly deadlineAfterMs: number;
  /** See trace-headers.ts. */
  readonly b3: B3Form;
}

/** What a message format has to say. */
export interface FormatHeaders {
  /** Undefined: the value is the client's body, and so is its media type. */
  readonly contentType?: string | undefined;
  /** The value is the body, so its content codings are those of the value. */
  readonly isAsSent?: boolean;
  /** The value is the client's text, but in UTF-8 whatever charset the client's content type names. */
  readonly isUtf8?: boolean;
  readonly headers?: RecordHeaders;
}

/** Of what comes from the client; what the gateway adds is little and bounded. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_ALL_BYTES = 16_384;

/**
 * @returns a function that makes the headers of one request; it throws GatewayError `headers_too_large`
 */
export function recordHeaders(
  options: HeaderOptions,
): (request: HttpRequest, correlationId: string, nowMs: number, format?: FormatHeaders) => RecordHeaders {
  const addressing = addressingHeaders(options);
  const correlationHeader = options.correlationHeader.toLowerCase();
  const writesCorrelation =
    !isForbidden(options.correlationHeader) && !addressing.names.has(normalName(options.correlationHeader));
  const rules = compileHeaderRules(options, [
    options.correlationHeader,
    ...(options.b3 === 'off' ? [] : B3_NAMES),
    ...(options.replyTopic === undefined ? [] : ADDRESSING_NAMES),
  ]);
  const traceOf = traceHeaders(rules, options.b3);
  const clientsContentType = !rules.isExcluded('content-type');
  const clientsContentEncoding = !rules.isExcluded('content-encoding');
  const clientsIdempotencyKey = !rules.isExcluded('idempotency-key');

  return (request, correlationId, nowMs, format = {}) => {
    const out = new CappedHeaders();
    if (format.contentType !== undefined) out.add('content-type', format.contentType);
    else if (clientsContentType) out.add('content-type', clientsType(request, format));
    if (format.isAsSent && clientsContentEncoding) out.add('content-encoding', contentEncoding(request));
    forward(request, rules, options.repeated, out);
    // Kong may run an event again (see pluginserver); the key lets a responder see that it is the same request.
    const clientsKey = clientsIdempotencyKey ? cleanText(headerOf(request, 'idempotency-key')) : undefined;
    out.add('idempotency-key', clientsKey ?? cleanText(request.id));
    if (writesCorrelation) {
      out.add(options.correlationHeader, cleanText(headerOf(request, correlationHeader)) ?? correlationId);
    }
    if (options.methodAndPath) {
      out.add(':method', cleanText(request.method));
      out.add(':path', cleanText(request.uri));
      out.add(':scheme', cleanText(request.scheme));
      out.add(':authority', cleanText(headerOf(request, 'host')));
    }

    const { headers } = out;
    headers.push(...traceOf(request.headers));
    if (format.headers) headers.push(...format.headers);
    if (options.consumer) addConsumer(request, headers);
    if (options.deadlineAfterMs > 0) {
      headers.push(['deadline', String(nowMs + options.deadlineAfterMs)]);
      headers.push(['ttl', String(options.deadlineAfterMs)]);
    }
    addressing.add(headers, correlationId);
    return headers;
  };
}

/** Whatever it says: it is the responder who has to read the value. Undefined when there is nothing to undo. */
function contentEncoding({ headers, body }: HttpRequest): string | undefined {
  const given = listHeaderOf(headers, 'content-encoding');
  return given === undefined || body.length === 0 ? undefined : cleanText(codingsOf(given).join(', '));
}

function clientsType(request: HttpRequest, { isUtf8 }: FormatHeaders): string | undefined {
  const given = cleanText(headerOf(request, 'content-type'));
  return isUtf8 && given?.includes(';') ? inUtf8(given) : given;
}

/** The client's headers in the order they came, as far as the rules let them through. */
function forward(
  request: HttpRequest,
  rules: CompiledRules,
  repeated: HeaderOptions['repeated'],
  out: CappedHeaders,
): void {
  const ofTheConnection = namedByConnection(request);
  for (const httpName of rules.only ?? Object.keys(request.headers)) {
    if (!Object.hasOwn(request.headers, httpName)) continue;
    const name = rules.recordName(httpName);
    if (name === undefined || ofTheConnection?.has(httpName.toLowerCase())) continue;
    const value = request.headers[httpName]!;
    if (typeof value === 'string') out.add(name, cleanText(value), httpName);
    else forwardRepeated(httpName, name, value, repeated, out);
  }
}

function forwardRepeated(
  httpName: string,
  name: string,
  values: readonly string[],
  repeated: HeaderOptions['repeated'],
  out: CappedHeaders,
): void {
  const clean = values.map(cleanText).filter((value) => value !== undefined);
  if (repeated === 'take_first') out.add(name, clean[0], httpName);
  else if (repeated === 'concatenate_by_comma')
    out.add(name, clean.length > 0 ? clean.join(', ') : undefined, httpName);
  else for (const value of clean) out.add(name, value, httpName);
}

/** `Connection: x` makes `x` a header of the connection alone (RFC 9110, 7.6.1). */
function namedByConnection(request: HttpRequest): ReadonlySet<string> | undefined {
  const value = request.headers.connection;
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined;
  return new Set(
    String(value)
      .split(',')
      .map((name) => name.trim().toLowerCase()),
  );
}

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
/** Line breaks split headers in protocols behind Kafka, a NUL ends a C string; no control character is of use. */
const UNSAFE = /[\0-\x08\n-\x1f\x7f-\x9f\p{Surrogate}]/u;

/** A value of Kong's as text; undefined when it says nothing or must not travel: left out rather than changed. */
export function cleanText(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (PRINTABLE_ASCII.test(value)) return value;
  return safeText(textFromKong(value));
}

/** The same for what is text already. */
export function safeText(text: string): string | undefined {
  return UNSAFE.test(text) ? undefined : text;
}

class CappedHeaders {
  readonly headers: RecordHeader[] = [];
  #bytes = 0;

  /** @param httpName what the client calls it: the record's name for it may be nobody else's business */
  add(name: string, value: string | undefined, httpName = name): void {
    if (value === undefined) return;
    const bytes = name.length + Buffer.byteLength(value);
    this.#bytes += bytes;
    if (this.headers.length >= MAX_HEADERS) throw tooLarge(`more than ${MAX_HEADERS} headers`);
    if (bytes > MAX_HEADER_BYTES) throw tooLarge(`${httpName} has more than ${MAX_HEADER_BYTES} bytes`);
    if (this.#bytes > MAX_ALL_BYTES) throw tooLarge(`more than ${MAX_ALL_BYTES} bytes in all`);
    this.headers.push([name, value]);
  }
}

function tooLarge(what: string): GatewayError {
  return new GatewayError('headers_too_large', `headers to be forwarded: ${what}`);
}

function addConsumer({ consumer }: HttpRequest, headers: RecordHeader[]): void {
  if (!consumer) return;
  for (const [field, name] of CONSUMER_ENTRIES) {
    const text = cleanText(consumer[field]);
    if (text !== undefined) headers.push([name, text]);
  }
}

const CONSUMER_ENTRIES = Object.entries(CONSUMER_HEADERS) as [keyof typeof CONSUMER_HEADERS, string][];

/** Last, and by name only once: nothing a client sends may decide where a reply goes. */
function addressingHeaders({ dialects, replyTopic }: HeaderOptions): {
  names: ReadonlySet<string>;
  add(headers: RecordHeader[], correlationId: string): void;
} {
  // A topic is never empty, so the empty values mark where the id belongs.
  const template = replyTopic === undefined ? [] : requestHeaders(dialects, '', replyTopic);
  return {
    names: new Set(template.map(([name]) => normalName(name))),
    add: (headers, correlationId) => {
      for (const [name, value] of template) headers.push([name, value === '' ? correlationId : value]);
    },
  };
}
