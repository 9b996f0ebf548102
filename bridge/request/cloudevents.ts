/** CloudEvents 1.0 in the two modes of their Kafka protocol binding. */
import { readText } from './charset';
import { contentOf, headerOf, type HttpRequest } from './http-request';
import { jsonBody } from './json-body';
import { textFromKong } from './kong-text';
import { essenceOf, inUtf8, isJson, isText } from './media-type';
import { cleanText, safeText, type RecordHeaders } from './record-headers';

export interface CloudEvent {
  /** The same when Kong runs the request again: to a consumer it is then the same event. */
  readonly id: string;
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The record's key. */
  readonly key: string | undefined;
}

/** What the data is when the client does not say. */
const UNKNOWN_TYPE = 'application/octet-stream';

export const STRUCTURED_CONTENT_TYPE = 'application/cloudevents+json';

/** Attributes as record headers; the value is the body as it is, and `content-type` says what it is. */
export function cloudEventHeaders(request: HttpRequest, event: CloudEvent): RecordHeaders {
  return Object.entries(attributes(request, event)).flatMap(([name, value]) =>
    // A key may hold bytes that no header can; then the record's key alone has it.
    safeText(value) === undefined ? [] : [[`ce_${name}`, value] as const],
  );
}

/** Undefined for an event without data. */
export function dataContentType(request: HttpRequest): string | undefined {
  const given = cleanText(headerOf(request, 'content-type'));
  return given ?? (request.body.length > 0 ? UNKNOWN_TYPE : undefined);
}

/**
 * The whole event as one JSON object: JSON data as it was sent, text as a string, the rest in base64.
 * @throws GatewayError `request_invalid` when the body is not the JSON it claims to be
 */
export function structuredCloudEvent(request: HttpRequest, event: CloudEvent): Buffer {
  const contentType = dataContentType(request);
  const data = contentOf(request).length === 0 ? undefined : dataMember(request, contentType ?? UNKNOWN_TYPE);
  const json = JSON.stringify({
    ...attributes(request, event),
    datacontenttype: data?.isText && contentType !== undefined ? inUtf8(contentType) : contentType,
  });
  return Buffer.from(data === undefined ? json : `${json.slice(0, -1)},${data.member}}`);
}

function dataMember(request: HttpRequest, contentType: string): { member: string; isText: boolean } {
  const essence = essenceOf(contentType);
  if (isJson(essence)) return { member: `"data":${jsonBody(request).text}`, isText: true };
  const content = contentOf(request);
  const text = isText(essence) ? readText(content, contentType) : undefined;
  return text === undefined
    ? { member: `"data_base64":"${content.toString('base64')}"`, isText: false }
    : { member: `"data":${JSON.stringify(text)}`, isText: true };
}

function attributes(request: HttpRequest, event: CloudEvent): Record<string, string> {
  return {
    specversion: '1.0',
    id: event.id,
    source: request.route === undefined ? '/kong' : `/kong/routes/${pathSegment(request.route)}`,
    type: event.type,
    time: new Date(event.timeMs).toISOString(),
    ...(event.key !== undefined && { partitionkey: event.key }),
  };
}

/** A route's name may be any text; half a surrogate pair, which cannot be encoded, becomes U+FFFD. */
function pathSegment(name: string): string {
  return encodeURIComponent(Buffer.from(textFromKong(name)).toString());
}
