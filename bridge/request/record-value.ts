/** The value of the record, by `message_format`, and the headers that tell how to read it. */
import { bodyWithCorrelationId } from './body-with-correlation-id';
import {
  cloudEventHeaders,
  dataContentType,
  STRUCTURED_CONTENT_TYPE,
  structuredCloudEvent,
  type CloudEvent,
} from './cloudevents';
import { envelope, type EnvelopeOptions } from './envelope';
import type { HttpRequest } from './http-request';
import type { FormatHeaders } from './record-headers';

export const MESSAGE_FORMATS = [
  'raw',
  'envelope',
  'body_with_correlation_id',
  'cloudevents_binary',
  'cloudevents_structured',
] as const;
export type MessageFormat = (typeof MESSAGE_FORMATS)[number];

export interface ValueOptions {
  readonly format: MessageFormat;
  readonly envelope: EnvelopeOptions;
  readonly correlationBodyField: string;
  readonly cloudEventsType: string;
}

export interface ValueFacts {
  readonly correlationId: string;
  readonly key: string | undefined;
  readonly nowMs: number;
}

export interface RecordValue extends FormatHeaders {
  readonly value: Buffer;
}

/**
 * @returns a function that makes the value of one request; it throws GatewayError `unsupported_media_type` or
 *   `request_invalid` when the format cannot carry the body
 */
export function recordValue(options: ValueOptions): (request: HttpRequest, facts: ValueFacts) => RecordValue {
  const eventOf = (request: HttpRequest, { correlationId, key, nowMs }: ValueFacts): CloudEvent => ({
    id: request.id === '' ? correlationId : request.id,
    type: options.cloudEventsType,
    timeMs: nowMs,
    key,
  });
  switch (options.format) {
    case 'raw':
      return (request) => ({ value: request.body, isAsSent: true });
    case 'envelope':
      return (request) => ({
        value: envelope(request, options.envelope),
        contentType: 'application/json',
      });
    case 'body_with_correlation_id':
      return (request, { correlationId }) => ({
        value: bodyWithCorrelationId(request, options.correlationBodyField, correlationId),
        isUtf8: true,
      });
    case 'cloudevents_binary':
      return (request, facts) => ({
        value: request.body,
        isAsSent: true,
        contentType: dataContentType(request),
        headers: cloudEventHeaders(request, eventOf(request, facts)),
      });
    case 'cloudevents_structured':
      return (request, facts) => ({
        value: structuredCloudEvent(request, eventOf(request, facts)),
        contentType: STRUCTURED_CONTENT_TYPE,
      });
  }
}
