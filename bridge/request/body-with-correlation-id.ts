/** The client's JSON object with the correlation id as one more field. */
import { GatewayError } from '../errors';
import { contentOf, headerOf, type HttpRequest } from './http-request';
import { jsonBody } from './json-body';
import { essenceOf, isJson } from './media-type';

/**
 * In UTF-8, whatever charset the body came in.
 * @throws GatewayError `unsupported_media_type` or `request_invalid` when the body cannot take a field
 */
export function bodyWithCorrelationId(request: HttpRequest, field: string, id: string): Buffer {
  const member = `${JSON.stringify(field)}:${JSON.stringify(id)}`;
  // A request without a body (GET, say) still has an id to carry.
  if (contentOf(request).length === 0) return Buffer.from(`{${member}}`);

  const contentType = headerOf(request, 'content-type');
  if (contentType !== undefined && !isJson(essenceOf(contentType))) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be application/json, because a field is added to it',
    );
  }
  const { bytes, value } = jsonBody(request);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be a JSON object, because a field is added to it',
    );
  }
  if (Object.hasOwn(value, field)) return Buffer.from(JSON.stringify(withField(value, field, id)));

  // Spliced in rather than printed again, so that the client's numbers and spacing arrive as they were sent.
  const open = bytes.indexOf('{') + 1;
  const separator = Object.keys(value).length === 0 ? '' : ',';
  return Buffer.concat([bytes.subarray(0, open), Buffer.from(member + separator), bytes.subarray(open)]);
}

/** Also for a field called `__proto__`. */
function withField(object: object, field: string, id: string): object {
  return Object.fromEntries([...Object.entries(object), [field, id]]);
}
