/** The client's request, as far as a record needs it. */
import { GatewayError } from '../errors';
import type { Kong } from '../kong';
import { kongRequestId } from './kong-request-id';

export interface ConsumerIdentity {
  readonly id?: string | undefined;
  readonly username?: string | undefined;
  readonly custom_id?: string | undefined;
}

export interface HttpRequest {
  /** Kong's request id: the same when Kong runs the event again, and the one a client sees in errors. */
  readonly id: string;
  readonly method: string;
  /** Names in lower case, as Kong hands them over. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** As it was sent. */
  readonly body: Buffer;
  /** What is left of the body when its content codings are undone. Only where a format looks into it; see `contentOf`. */
  readonly decodedBody?: Buffer | undefined;
  /** Why the body is not here. The answer still belongs to this request, with its id and in the form it accepts. */
  readonly refusal?: GatewayError | undefined;

  // What follows is read only where `RequestNeeds` asks for it.

  /** What stands behind the `?`, as another plugin may have left it. */
  readonly rawQuery?: string | undefined;
  /** Path and query as the client sent them. */
  readonly uri?: string | undefined;
  /** `http` or `https`, as a trusted proxy before Kong saw it. */
  readonly scheme?: string | undefined;
  /** The named captures of the route's regular expression. */
  readonly captures?: Readonly<Record<string, unknown>> | undefined;
  readonly consumer?: ConsumerIdentity | undefined;
  /** The name of the route, or its id where it has none. */
  readonly route?: string | undefined;
}

/** Each costs a call to Kong, in the same round trip. */
export interface RequestNeeds {
  readonly body: boolean;
  readonly query: boolean;
  readonly uri: boolean;
  readonly scheme: boolean;
  readonly captures: boolean;
  readonly consumer: boolean;
  readonly route: boolean;
}

/** Kong refuses more than this, and silently drops headers over the number that is asked for. */
export const MAX_HEADERS = 1000;
const NO_BODY = Buffer.alloc(0);

/**
 * All reads go out together: one round trip to Kong.
 *
 * The body is one of them and still no large body is read in vain: Kong hands over what it has in memory, which is
 * little, or the path of a file, and a file is only opened when its size is within the limit. So neither a
 * Content-Length nor a second round trip is needed to refuse early.
 * @param options.maxBodyBytes larger bodies make the `refusal` `request_too_large`, and are not read where they lie in
 *   a file
 * @param options.boundedRead false for the stock server: there Kong ends the request with its own 500 when a
 *   bound is given and the body is larger, so the bound can be checked only afterwards
 */
export async function readRequest(
  kong: Kong,
  needs: RequestNeeds,
  options: { maxBodyBytes: number; boundedRead: boolean },
): Promise<HttpRequest> {
  const { maxBodyBytes, boundedRead } = options;
  const idRead = kongRequestId(kong);
  const methodRead = kong.request.getMethod();
  const headersRead = kong.request.getHeaders(MAX_HEADERS);
  try {
    const [id, method, headers, body, rawQuery, uri, scheme, captures, consumer, route] = await Promise.all([
      idRead,
      methodRead,
      headersRead,
      needs.body ? kong.request.getRawBody(boundedRead && maxBodyBytes > 0 ? maxBodyBytes : 0) : undefined,
      needs.query ? kong.request.getRawQuery() : undefined,
      needs.uri ? kong.nginx.getVar('request_uri') : undefined,
      needs.scheme ? kong.request.getForwardedScheme() : undefined,
      needs.captures ? kong.request.getUriCaptures() : undefined,
      needs.consumer ? kong.client.getConsumer() : undefined,
      needs.route ? kong.router.getRoute() : undefined,
    ]);
    const bodyBytes = body ?? NO_BODY;
    if (bodyBytes.length > maxBodyBytes) {
      throw new GatewayError(
        'request_too_large',
        `the body has ${bodyBytes.length} bytes, the limit is ${maxBodyBytes} (max_request_bytes)`,
      );
    }
    return {
      id,
      method,
      headers: headers ?? {},
      body: bodyBytes,
      rawQuery,
      uri,
      scheme,
      captures: captures?.named ?? undefined,
      consumer,
      route: route?.name ?? route?.id,
    };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const [id, method, headers] = await Promise.all([idRead, methodRead, headersRead]);
    return { id, method, headers: headers ?? {}, body: NO_BODY, refusal: error };
  }
}

/** The body to look into. */
export function contentOf(request: HttpRequest): Buffer {
  return request.decodedBody ?? request.body;
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
