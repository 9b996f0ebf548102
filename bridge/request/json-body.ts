/** JSON that a client sent, checked before it becomes a part of other JSON. */
import { withoutMark } from '../byte-order-mark';
import { GatewayError } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';
import { foreignCharset, strictReader } from './charset';
import { contentOf, headerOf, type HttpRequest } from './http-request';
import { jsonFault } from './json-fault';
import { utf8Text } from './kong-text';

/** Whatever charset it came in: UTF-8, without a byte order mark. */
export interface JsonBody {
  readonly bytes: Buffer;
  /** To be spliced into other JSON: numbers that JavaScript cannot hold, spacing and order are as they were sent. */
  readonly text: string;
  readonly value: unknown;
}

/**
 * @throws GatewayError `request_invalid` for what is not JSON, or is nested too deep; `unsupported_media_type` for a
 *   charset that cannot be read
 */
export function jsonBody(request: HttpRequest): JsonBody {
  const charset = foreignCharset(headerOf(request, 'content-type'));
  const content = contentOf(request);
  const bytes = charset === undefined ? withoutMark(content) : Buffer.from(strictReader(charset)(content));
  if (isDeeperThan(bytes, MAX_JSON_DEPTH)) {
    throw invalid(`the JSON body is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  const text = utf8Text(bytes);
  try {
    if (text !== undefined) return { bytes, text, value: JSON.parse(text) };
  } catch {
    // Its own error differs between versions of Node, and quotes the body.
  }
  const isAsSent = content === request.body && charset === undefined;
  throw notJson(bytes, isAsSent ? content.length - bytes.length : undefined);
}

/** @param before bytes of the body before these; undefined when they are not those that were sent */
function notJson(bytes: Buffer, before: number | undefined): GatewayError {
  const fault = jsonFault(bytes);
  if (fault === undefined) return invalid('the body is not JSON');
  const place = before === undefined ? `${fault.byte} of the decoded body` : String(fault.byte + before);
  return invalid(`the body is not JSON: ${fault.what} at byte ${place}`);
}

function invalid(detail: string): GatewayError {
  return new GatewayError('request_invalid', detail);
}
