/** The value of the record, by `message_format`. */
import { GatewayError } from '../errors';
import { headerOf, type HttpRequest } from './http-request';

export type MessageFormat = 'raw' | 'body_with_correlation_id';

/** @throws GatewayError `unsupported_media_type` or `request_invalid` when the format cannot carry the body */
export function recordValue(
  format: MessageFormat,
  request: HttpRequest,
  correlation: { field: string; id: string },
): Buffer {
  switch (format) {
    case 'raw':
      return request.body;
    case 'body_with_correlation_id':
      return withField(request, correlation.field, correlation.id);
  }
}

const JSON_MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/(?:[a-z0-9!#$&^_.-]+\+)?json\s*(?:;|$)/i;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function withField(request: HttpRequest, field: string, id: string): Buffer {
  const member = `${JSON.stringify(field)}:${JSON.stringify(id)}`;
  // A request without a body (GET, say) still has an id to carry.
  if (request.body.length === 0) return Buffer.from(`{${member}}`);

  const contentType = headerOf(request, 'content-type');
  if (contentType !== undefined && !JSON_MEDIA_TYPE.test(contentType)) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be application/json, because a field is added to it',
    );
  }
  const object = parseObject(request.body);
  if (Object.hasOwn(object, field)) return Buffer.from(JSON.stringify({ ...object, [field]: id }));

  // Spliced in rather than printed again, so that the client's numbers and spacing arrive as they were sent.
  const open = request.body.indexOf('{') + 1;
  const separator = Object.keys(object).length === 0 ? '' : ',';
  return Buffer.concat([
    request.body.subarray(0, open),
    Buffer.from(member + separator),
    request.body.subarray(open),
  ]);
}

function parseObject(body: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(body));
  } catch (cause) {
    throw new GatewayError('request_invalid', 'the body is not valid JSON in UTF-8', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be a JSON object, because a field is added to it',
    );
  }
  return value;
}
