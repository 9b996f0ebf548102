/** The body of a request without its content codings, for formats that look into it. */
import { codingsOf } from '../content-coding';
import { GatewayError } from '../errors';
import { decodableCodings, decompress, DecompressError } from './decompress';
import { listHeaderOf, type HttpRequest } from './http-request';

const DECODABLE = decodableCodings();
/** A client and its proxy may each apply one; more is no body but an attack. */
const MAX_CODINGS = 3;

/**
 * @param maxBytes the decoded body may have
 * @returns undefined, and no promise, when there is nothing to undo; else the request with its `decodedBody`. Rejects
 *   with GatewayError `unsupported_media_type` for a coding nobody here knows, `request_invalid` for damaged bytes and
 *   `request_too_large`
 */
export function decodedRequest(request: HttpRequest, maxBytes: number): Promise<HttpRequest> | undefined {
  const contentEncoding = listHeaderOf(request.headers, 'content-encoding');
  if (contentEncoding === undefined || request.body.length === 0) return undefined;
  const codings = codingsOf(contentEncoding);
  return codings.length === 0 ? undefined : undone(request, codings, maxBytes);
}

async function undone(request: HttpRequest, codings: string[], maxBytes: number): Promise<HttpRequest> {
  if (codings.length > MAX_CODINGS) {
    throw unsupported(`content-encoding names more than ${MAX_CODINGS} codings`);
  }
  let decodedBody = request.body;
  // The one that is named last was applied last.
  for (const coding of codings.reverse()) decodedBody = await decoded(coding, decodedBody, maxBytes);
  return { ...request, decodedBody };
}

/** The errors name no coding but those that are known: another is whatever a client likes to write there. */
async function decoded(coding: string, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const known = DECODABLE.find((decodable) => decodable === coding);
  if (known === undefined) {
    throw unsupported(`content-encoding names a coding that is none of ${DECODABLE.join(', ')}`);
  }
  try {
    return await decompress(known, bytes, maxBytes);
  } catch (error) {
    if (!(error instanceof DecompressError)) throw error;
    throw error.kind === 'too large'
      ? new GatewayError(
          'request_too_large',
          `the decoded body is too large, the limit is ${maxBytes} bytes (max_request_bytes)`,
        )
      : new GatewayError('request_invalid', `the body is not ${known} (content-encoding): ${error.message}`);
  }
}

function unsupported(why: string): GatewayError {
  return new GatewayError('unsupported_media_type', why);
}
