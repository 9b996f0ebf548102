/** A request as Kong would have it from a client, made from the command line; and what Kong would answer about it. */
import { GatewayError } from '../../bridge/errors';
import type { Read } from '../../bridge/phase';
import type { RouteEntity } from '../kong-config/entities';

export interface CliRequest {
  readonly method: string;
  /** Path and query. */
  readonly uri: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
  readonly route: Pick<RouteEntity, 'id' | 'name' | 'paths'> | undefined;
}

/** What a plugin gets from Kong for one of its reads: text is bytes there, a character each. */
export function answerTo(read: Read, request: CliRequest): unknown {
  switch (read[0]) {
    case 'kong.request.get_method':
      return request.method;
    case 'kong.request.get_headers':
      return Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.map(bytes) : bytes(value),
        ]),
      );
    case 'kong.request.get_raw_body':
      return bodyWithin(request.body, read[1]);
    case 'kong.request.get_raw_query':
      return bytes(request.uri.replace(/^[^?]*\??/, ''));
    case 'kong.nginx.get_var':
      return read[1] === 'request_uri' ? bytes(request.uri) : undefined;
    case 'kong.request.get_forwarded_scheme':
      return 'http';
    case 'kong.request.get_uri_captures':
      return { named: capturesOf(request) };
    case 'kong.client.get_consumer':
      return undefined;
    case 'kong.router.get_service':
      return undefined;
    case 'kong.router.get_route':
      return request.route && { id: request.route.id, name: request.route.name };
    case 'kong.ctx.shared.get':
    case 'kong.log.serialize':
      return undefined;
  }
}

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

function bodyWithin(body: Buffer, mostBytes: number): Buffer | GatewayError {
  if (mostBytes === 0 || body.length <= mostBytes) return body;
  return new GatewayError(
    'request_too_large',
    `the body has ${body.length} bytes, the limit is ${mostBytes} (max_request_bytes)`,
  );
}

/** The named groups of the first regular expression among the route's paths that fits. */
function capturesOf({ uri, route }: CliRequest): Record<string, string> {
  const path = decoded(uri.replace(/\?.*$/s, ''));
  for (const pattern of route?.paths ?? []) {
    if (!pattern.startsWith('~')) continue;
    const { groups } = regularExpression(pattern.slice(1))?.exec(path) ?? {};
    if (groups) return Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined));
  }
  return {};
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Kong's are those of PCRE; undefined where the difference matters. */
function regularExpression(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source.replaceAll('(?P<', '(?<')})`, 'u');
  } catch {
    return undefined;
  }
}
