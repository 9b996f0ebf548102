import type { HttpRequest } from '../../bridge/request/http-request';

/** A POST without headers and body, except as given. */
export function httpRequest(
  given: Partial<Omit<HttpRequest, 'body'>> & { body?: string | Buffer } = {},
): HttpRequest {
  return {
    id: 'kong-id',
    method: 'POST',
    headers: {},
    ...given,
    body: Buffer.from((given.body ?? '') as string),
  };
}

/** One with a body of a type. */
export function bodyOf(contentType: string | undefined, body: string | Buffer): HttpRequest {
  return httpRequest({ body, headers: contentType === undefined ? {} : { 'content-type': contentType } });
}
