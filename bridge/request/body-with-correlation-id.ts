/** The client's JSON object with the correlation id as one more field. */
import { GatewayError } from '../errors';
import { headerOf, type HttpRequest } from './http-request';
import { parseJson } from './json-body';
import { essenceOf, isJson } from './media-type';

/** @throws GatewayError `unsupported_media_type` or `request_invalid` when the body cannot take a field */
export function bodyWithCorrelationId(request: HttpRequest, field: string, id: string): Buffer {
  const member = `${JSON.stringify(field)}:${JSON.stringify(id)}`;
  // A request without a body (GET, say) still has an id to carry.
  if (request.body.length === 0) return Buffer.from(`{${member}}`);

  const contentType = headerOf(request, 'content-type');
  if (contentType !== undefined && !isJson(essenceOf(contentType))) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be application/json, because a field is added to it',
    );
  }
  const object = parseObject(request.body);
  if (Object.hasOwn(object, field)) return Buffer.from(JSON.stringify(withField(object, field, id)));

  // Spliced in rather than printed again, so that the client's numbers and spacing arrive as they were sent.
  const open = request.body.indexOf('{') + 1;
  const separator = Object.keys(object).length === 0 ? '' : ',';
  return Buffer.concat([
    request.body.subarray(0, open),
    Buffer.from(member + separator),
    request.body.subarray(open),
  ]);
}

/** Also for a field called `__proto__`. */
function withField(object: object, field: string, id: string): object {
  return Object.fromEntries([...Object.entries(object), [field, id]]);
}

function parseObject(body: Buffer): object {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError(
      'unsupported_media_type',
      'the body must be a JSON object, because a field is added to it',
    );
  }
  return value;
}
