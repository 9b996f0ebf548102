/** One attempt to carry a kept request out. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { REPLAYED_HEADER } from '../bridge/failover/nginx-facts';
import type { KeptRequest } from './kept-request';

export interface Target {
  /** Of the service, or of Kong; its path comes before that of the request. */
  readonly baseUrl: URL;
  /** Of the operator: they replace those of the record. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Host is that of the client: Kong may find the route by it. */
  readonly keepsHost: boolean;
  readonly timeoutMs: number;
}

/** `answered`: with its status, and as much of the body as came. `failed`: nobody knows whether the service has seen it. */
export type Attempt =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Of an answer, for the dead topic and the audit. */
const KEPT_ANSWER_BYTES = 4096;
/** Of the connection that the request once came on. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'content-length', 'expect',
  'idempotency-key', REPLAYED_HEADER,
]); // prettier-ignore

export class Sending {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  /** Never rejects. Redirects are answers. */
  send(request: KeptRequest, { baseUrl, headers, keepsHost, timeoutMs }: Target): Promise<Attempt> {
    const isSecure = baseUrl.protocol === 'https:';
    const sent = new Map<string, string[]>();
    for (const [name, value] of request.headers) {
      const lower = name.toLowerCase();
      if (!NOT_SENT.has(lower)) sent.set(lower, [...(sent.get(lower) ?? []), value]);
    }
    if (!keepsHost) sent.delete('host');
    for (const [name, value] of headers) sent.set(name.toLowerCase(), [value]);
    // The same at every attempt, so that a service can tell a repetition.
    sent.set('idempotency-key', [request.id]);
    sent.set(REPLAYED_HEADER, ['1']);
    sent.set('content-length', [String(request.body.length)]);
    return new Promise((resolve) => {
      let status: number | undefined;
      let text = '';
      // A service that has said its status has done what it does, also where the body behind it breaks off or has no end.
      const end = (reason: string): void =>
        resolve(status === undefined ? { kind: 'failed', reason } : { kind: 'answered', status, body: text });
      const path = baseUrl.pathname.replace(/\/$/, '') + request.uri;
      const outgoing = (isSecure ? httpsRequest : httpRequest)({
        protocol: baseUrl.protocol,
        hostname: baseUrl.hostname.replace(/^\[|\]$/g, ''),
        port: baseUrl.port,
        path: Buffer.from(path).toString('latin1'),
        method: request.method,
        headers: Object.fromEntries(
          [...sent].map(([name, values]) => {
            const texts = values.map((value) => Buffer.from(value).toString('latin1'));
            // Of this one node wants a text, not a list.
            return [name, name === 'host' ? texts[0] : texts];
          }),
        ),
        agent: isSecure ? this.#https : this.#http,
        signal: AbortSignal.timeout(timeoutMs),
      });
      const fail = (error: Error): void =>
        end(error.name === 'AbortError' ? `no answer in ${timeoutMs} ms` : error.message);
      outgoing.on('error', fail);
      // However it ended, an upgrade for instance.
      outgoing.on('close', () => end('the connection was closed'));
      outgoing.on('response', (response) => {
        status = response.statusCode ?? 0;
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (text.length < KEPT_ANSWER_BYTES) text = (text + chunk).slice(0, KEPT_ANSWER_BYTES);
        });
        response.on('end', () => end('it is here'));
        response.on('error', fail);
      });
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}
