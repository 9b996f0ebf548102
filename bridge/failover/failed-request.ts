/** A request that its upstream could not take -> the value of its record, as JSON. */
import { essenceOf, isJson, isText } from '../request/media-type';
import { utf8Text } from '../request/kong-text';
import { isCredential, normalName } from '../request/reserved-headers';

/** What nginx and Kong say of it, beside the request itself. */
export interface FailureFacts {
  /** Kong's id of the request. */
  readonly id: string;
  /** Path and query as the client sent them. */
  readonly uri: string;
  readonly remoteAddress: string | undefined;
  readonly backendUrl: string | undefined;
  readonly service: string | undefined;
  readonly route: string | undefined;
  readonly consumer: string | undefined;
  /** Of the answer that the client would have had: 502, 503, 504. */
  readonly status: number;
  /** Why it is kept; undefined: what the status says. */
  readonly reason?: string | undefined;
  /** False: no byte of it was sent to an upstream. True: some were, so it may have been carried out. */
  readonly mayBeDelivered: boolean;
}

export interface FailedRequest extends FailureFacts {
  readonly method: string;
  /** As they came, in order, names as the client wrote them. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Why there is no body, although the request had one. */
  readonly bodyOmitted?: 'too_large' | 'no_memory' | 'unreadable' | undefined;
}

export interface FailedRequestOptions {
  /** Credentials to keep; all others are left out. */
  readonly includeHeaders: readonly string[];
  readonly excludeHeaders: readonly string[];
}

/** Of the connection between nginx and the listener, or written by the include: none of them is the client's. */
const OF_THE_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'expect',
]);
const OWN_BEGINNING = 'x-kafka-failover';
/** Beside those that are credentials everywhere: what a proxy was given. */
const PROXY_CREDENTIALS: ReadonlySet<string> = new Set([
  'proxy-authorization',
  'x-consumer-token',
  'api-key',
]);

export function failedRequestValue(
  options: FailedRequestOptions,
): (request: FailedRequest, nowMs: number) => string {
  const include = new Set(options.includeHeaders.map(normalName));
  const exclude = new Set(options.excludeHeaders.map(normalName));
  const isKept = (name: string): boolean => {
    const normal = normalName(name);
    if (OF_THE_HOP.has(normal) || normal.startsWith(OWN_BEGINNING) || exclude.has(normal)) return false;
    return include.has(normal) || !(isCredential(normal) || PROXY_CREDENTIALS.has(normal));
  };
  return (request, nowMs) => {
    const query = request.uri.indexOf('?');
    const headers = keptHeaders(request.rawHeaders, isKept);
    return JSON.stringify({
      id: request.id,
      timestamp: nowMs / 1000,
      attempt: 0,
      method: request.method,
      uri: request.uri,
      path: query < 0 ? request.uri : request.uri.slice(0, query),
      query_string: query < 0 ? '' : request.uri.slice(query + 1),
      headers,
      ...(request.bodyOmitted
        ? { body_omitted: request.bodyOmitted }
        : bodyMember(request.body, headers['content-type'])),
      remote_addr: request.remoteAddress,
      backend_url: request.backendUrl,
      service: request.service,
      route: request.route,
      consumer: request.consumer,
      status: request.status,
      delivered: request.mayBeDelivered ? 'maybe' : 'no',
      error_reason: request.reason ?? REASONS[request.status] ?? 'The upstream failed.',
    });
  };
}

const REASONS: Readonly<Record<number, string>> = {
  502: 'The upstream could not be reached, or ended the connection (502).',
  503: 'No upstream was available (503).',
  504: 'The upstream did not answer in time (504).',
};

/** Names in lower case. One that comes several times becomes a list, in order. */
function keptHeaders(
  rawHeaders: readonly string[],
  isKept: (name: string) => boolean,
): Record<string, string | string[]> {
  // No prototype: a client may call a header `__proto__`.
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!isKept(name)) continue;
    const value = textOf(rawHeaders[at + 1]!);
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** Node reads header bytes as latin1. */
function textOf(value: string): string {
  return utf8Text(Buffer.from(value, 'latin1')) ?? value;
}

function bodyMember(
  body: Buffer,
  contentType: string | string[] | undefined,
): { body: string } | { body_base64: string } {
  const essence = essenceOf([contentType].flat()[0] ?? '');
  const text =
    body.length === 0 || isText(essence) || isJson(essence) || essence === '' ? utf8Text(body) : undefined;
  return text === undefined ? { body_base64: body.toString('base64') } : { body: text };
}
