/** The client's request, as far as a record needs it. */
import { GatewayError } from '../errors';
import type { Kong } from '../kong';
import { kongRequestId } from './kong-request-id';

export interface HttpRequest {
  /** Kong's request id: the same when Kong runs the event again, and the one a client sees in errors. */
  readonly id: string;
  readonly method: string;
  /** Names in lower case, as Kong hands them over. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

/** Kong refuses more than this, and silently drops headers over the number that is asked for. */
export const MAX_HEADERS = 1000;

/**
 * All reads go out together: one round trip to Kong.
 * @param options.maxBodyBytes larger bodies are refused with `request_too_large`, and not read where they lie in a file
 * @param options.boundedRead false for the stock server: there Kong ends the request with its own 500 when a
 *   bound is given and the body is larger, so the bound can be checked only afterwards
 */
export async function readRequest(
  kong: Kong,
  options: { maxBodyBytes: number; boundedRead: boolean },
): Promise<HttpRequest> {
  const { maxBodyBytes, boundedRead } = options;
  const [id, method, headers, body] = await Promise.all([
    kongRequestId(kong),
    kong.request.getMethod(),
    kong.request.getHeaders(MAX_HEADERS),
    kong.request.getRawBody(boundedRead && maxBodyBytes > 0 ? maxBodyBytes : 0),
  ]);
  const bodyBytes = body ?? Buffer.alloc(0);
  if (bodyBytes.length > maxBodyBytes) {
    throw new GatewayError(
      'request_too_large',
      `the body has ${bodyBytes.length} bytes, the limit is ${maxBodyBytes} (max_request_bytes)`,
    );
  }
  return { id, method, headers: headers ?? {}, body: bodyBytes };
}

/** The first value of a header; `name` in lower case. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
  return Array.isArray(value) ? value[0] : value;
}

/** All values of a header that is a list, joined as if they had been sent in one; `name` in lower case. */
export function listHeaderOf(headers: HttpRequest['headers'], name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value.join(', ') : value;
}
