/** The headers of the record: what the responder needs to answer, and what helps to follow a request. */
import { requestHeaders, type DialectName } from '../reply/dialects';
import { headerOf, type HttpRequest } from './http-request';

/** W3C trace context and the media type of the value. */
const FORWARDED = ['content-type', 'traceparent', 'tracestate'];

/** A Kafka client library that passes header values as C strings damages anything but NUL-free text. */
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

export type RecordHeaders = (readonly [name: string, value: string])[];

export interface HeaderOptions {
  readonly dialects: readonly DialectName[];
  readonly replyTopic: string | undefined;
  /** The HTTP header that holds the id of Kong's Correlation ID plugin; it travels under the same name. */
  readonly correlationHeader: string;
}

export function recordHeaders(
  request: HttpRequest,
  correlationId: string,
  options: HeaderOptions,
): RecordHeaders {
  const headers: RecordHeaders = [];
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined && PRINTABLE_ASCII.test(value)) headers.push([name, value]);
  };
  for (const name of FORWARDED) add(name, headerOf(request, name));
  // Kong may run an event again (see pluginserver); the key lets a responder see that it is the same request.
  add('idempotency-key', headerOf(request, 'idempotency-key') ?? request.id);
  add(options.correlationHeader, headerOf(request, options.correlationHeader.toLowerCase()) ?? correlationId);
  if (options.replyTopic !== undefined) {
    // Last and by name only once: nothing a client sends may decide where a reply goes.
    const addressing = requestHeaders(options.dialects, correlationId, options.replyTopic);
    const taken = new Set(addressing.map(([name]) => name.toLowerCase()));
    return [...headers.filter(([name]) => !taken.has(name.toLowerCase())), ...addressing];
  }
  return headers;
}
