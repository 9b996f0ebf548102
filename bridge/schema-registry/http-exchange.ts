/**
 * One HTTP request to a registry or a token endpoint, bounded in time and bytes.
 *
 * Not `fetch`: that of Node takes neither certificate authorities nor a client certificate without a package of its own.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface TlsSettings {
  readonly verify: boolean;
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
  readonly keyPassword: string | undefined;
}

export interface HttpQuestion {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For the whole exchange, redirects included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Schemas are asked for one by one; a registry that is slow gets no crowd. */
const MAX_SOCKETS = 4;
const IDLE_SOCKET_MS = 30_000;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Keeps connections open between the requests of one registry. */
export class HttpExchange {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS });
  readonly #https: HttpsAgent;
  #isClosed = false;

  constructor(tls: TlsSettings) {
    this.#https = new HttpsAgent({
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      timeout: IDLE_SOCKET_MS,
      rejectUnauthorized: tls.verify,
      ca: tls.caPem,
      cert: tls.certificatePem,
      key: tls.keyPem,
      passphrase: tls.keyPassword,
    });
  }

  /** @throws Error with the reason, in words that quote nothing of the answer */
  async ask(question: HttpQuestion): Promise<HttpReply> {
    if (this.#isClosed) throw new Error('it is asked no more');
    const signal = AbortSignal.timeout(question.timeoutMs);
    let { url } = question;
    for (let redirects = 0; ; redirects++) {
      const { reply, location } = await this.#once({ ...question, url }, signal);
      if (location === undefined) return reply;
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      // Elsewhere somebody else would get our credentials, and choose our schemas.
      if (next?.origin !== url.origin) throw new Error('it redirects to another host');
      if (redirects === MAX_REDIRECTS) throw new Error('it redirects in circles');
      url = next;
    }
  }

  /** What is asked fails, and whoever would try again has no place to. */
  close(): void {
    this.#isClosed = true;
    this.#http.destroy();
    this.#https.destroy();
  }

  #once(
    { method, url, headers, body, maxBytes }: HttpQuestion,
    signal: AbortSignal,
  ): Promise<{ reply: HttpReply; location?: string }> {
    return new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:';
      const send = isSecure ? httpsRequest : httpRequest;
      const request = send(
        url,
        { method, headers, agent: isSecure ? this.#https : this.#http, signal },
        (response) => {
          const status = response.statusCode ?? 0;
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > maxBytes) request.destroy(new Error(`its answer is longer than ${maxBytes} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            const contentType = response.headers['content-type'] ?? '';
            const reply = { status, contentType, body: Buffer.concat(chunks) };
            const { location } = response.headers;
            const isRedirect = REDIRECTS.has(status) && method === 'GET' && location !== undefined;
            resolve(isRedirect ? { reply, location } : { reply });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

/** Why nobody answered, in words for an operator. */
export function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  // An attempt at several addresses has an empty message.
  return message || code || 'unknown reason';
}

/** Without user, password and query, where credentials could be. */
export function shownUrl({ origin, pathname }: URL): string {
  return origin + pathname;
}

/** @returns undefined for what is no JSON object */
export function jsonObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // its own error quotes the answer
  }
}
