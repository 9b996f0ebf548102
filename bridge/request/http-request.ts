/** The client's request, as far as a record needs it. */
import { GatewayError } from '../errors';
import { answerOf, type Read } from '../phase';

export interface ConsumerIdentity {
  readonly id?: string | undefined;
  readonly username?: string | undefined;
  readonly custom_id?: string | undefined;
}

export interface HttpRequest {
  /** Kong's request id: the same when Kong runs the event again, and the one a client sees in errors. */
  readonly id: string;
  /** Names in lower case, as Kong hands them over. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** As it was sent. */
  readonly body: Buffer;
  /** What is left of the body when its content codings are undone. Only where a format looks into it; see `contentOf`. */
  readonly decodedBody?: Buffer | undefined;
  /** Why the body is not here. The answer still belongs to this request, with its id and in the form it accepts. */
  readonly refusal?: GatewayError | undefined;

  // What follows is read only where `RequestNeeds` asks for it.

  readonly method?: string | undefined;
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
  readonly method: boolean;
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
const NO_HEADERS: HttpRequest['headers'] = Object.freeze({});

/**
 * Reads requests: what is asked of Kong is laid down once.
 *
 * The body is one of the questions and still no large body is read in vain: Kong hands over what it has in memory, which
 * is little, or the path of a file, and a file is only opened when its size is within the limit. So neither a
 * Content-Length nor a second round trip is needed to refuse early.
 */
export class RequestReader {
  readonly reads: readonly Read[];
  readonly #maxBodyBytes: number;
  /** Where each answer stands; -1 where it is not asked for. */
  readonly #at: Readonly<Record<keyof RequestNeeds, number>>;

  /**
   * @param options.maxBodyBytes larger bodies are refused with `request_too_large`, and not read where they lie in a file
   * @param options.boundedRead false for the stock server: there Kong ends the request with its own 500 when a
   *   bound is given and the body is larger, so the bound can be checked only afterwards
   */
  constructor(needs: RequestNeeds, options: { maxBodyBytes: number; boundedRead: boolean }) {
    const { maxBodyBytes, boundedRead } = options;
    const all: Record<keyof RequestNeeds, Read> = {
      method: ['kong.request.get_method'],
      body: ['kong.request.get_raw_body', boundedRead && maxBodyBytes > 0 ? maxBodyBytes : 0],
      query: ['kong.request.get_raw_query'],
      uri: ['kong.nginx.get_var', 'request_uri'],
      scheme: ['kong.request.get_forwarded_scheme'],
      captures: ['kong.request.get_uri_captures'],
      consumer: ['kong.client.get_consumer'],
      route: ['kong.router.get_route'],
    };
    const names = (Object.keys(all) as (keyof RequestNeeds)[]).filter((name) => needs[name]);
    this.#maxBodyBytes = maxBodyBytes;
    this.reads = [['kong.request.get_headers', MAX_HEADERS], ...names.map((name) => all[name])];
    const at = (name: keyof RequestNeeds) => (needs[name] ? names.indexOf(name) + 1 : -1);
    this.#at = {
      method: at('method'),
      body: at('body'),
      query: at('query'),
      uri: at('uri'),
      scheme: at('scheme'),
      captures: at('captures'),
      consumer: at('consumer'),
      route: at('route'),
    };
  }

  /** The headers, where they came: errors are answered as the client prefers. */
  headers(answers: readonly unknown[]): HttpRequest['headers'] {
    const [headers] = answers;
    return headers instanceof Error ? NO_HEADERS : ((headers ?? NO_HEADERS) as HttpRequest['headers']);
  }

  /** A body that cannot be had makes the `refusal` of the request, which is known all the same. */
  request(id: string, answers: readonly unknown[]): HttpRequest {
    const at = this.#at;
    const body = at.body < 0 ? NO_BODY : bodyOf(answers[at.body], this.#maxBodyBytes);
    const captures = answerOf<{ named?: Record<string, unknown> } | undefined>(answers, at.captures);
    const route = answerOf<{ id?: string; name?: string } | undefined>(answers, at.route);
    return {
      id,
      method: answerOf(answers, at.method),
      headers: answerOf(answers, 0) ?? NO_HEADERS,
      body: Buffer.isBuffer(body) ? body : NO_BODY,
      refusal: Buffer.isBuffer(body) ? undefined : body,
      rawQuery: answerOf(answers, at.query),
      uri: answerOf(answers, at.uri),
      scheme: answerOf(answers, at.scheme),
      captures: captures?.named,
      consumer: answerOf(answers, at.consumer),
      route: route?.name ?? route?.id,
    };
  }
}

function bodyOf(answer: unknown, maxBodyBytes: number): Buffer | GatewayError {
  if (answer instanceof GatewayError) return answer;
  const body = (answer as Buffer | undefined) ?? NO_BODY;
  if (body.length <= maxBodyBytes) return body;
  return new GatewayError(
    'request_too_large',
    `the body has ${body.length} bytes, the limit is ${maxBodyBytes} (max_request_bytes)`,
  );
}

/** The body to look into. */
export function contentOf(request: HttpRequest): Buffer {
  return request.decodedBody ?? request.body;
}

/** The first value of a header; `name` in lower case. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  return headerIn(request.headers, name);
}

/** The same, of the headers alone. */
export function headerIn(headers: HttpRequest['headers'], name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value[0] : value;
}

/** All values of a header that is a list, joined as if they had been sent in one; `name` in lower case. */
export function listHeaderOf(headers: HttpRequest['headers'], name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value.join(', ') : value;
}
