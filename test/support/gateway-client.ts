/** One HTTP request without anything a library adds by itself. */
import { request as httpRequest } from 'node:http';

export interface ClientRequest {
  readonly method?: string;
  readonly path?: string;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  /** The client goes away after this time. */
  readonly abortAfterMs?: number;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export function send(url: string, request: ClientRequest = {}): Promise<ClientResponse> {
  const { hostname, port } = new URL(url);
  const body = request.body === undefined ? undefined : Buffer.from(request.body);
  const headers = ['Host', `${hostname}:${port}`, ...(request.headers ?? [])];
  if (body) headers.push('Content-Length', String(body.length));
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      hostname,
      port,
      method: request.method ?? (body ? 'POST' : 'GET'),
      path: request.path ?? '/',
      headers,
      agent: false,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const { headers: named, rawHeaders } = answer;
        resolve({ status: answer.statusCode ?? 0, headers: named, rawHeaders, body: Buffer.concat(chunks) });
        outgoing.destroy();
      });
    });
    if (request.abortAfterMs !== undefined) setTimeout(() => outgoing.destroy(), request.abortAfterMs);
    outgoing.end(body);
  });
}

/** Waits until something has come about on the other side of a socket. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 5000;
  while (!isSo()) {
    if (Date.now() > deadlineMs) throw new Error(`still not so after 5 s: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Header lines of a name, in order. */
export function lines(response: ClientResponse, name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
    if (response.rawHeaders[i]!.toLowerCase() === name) found.push(response.rawHeaders[i + 1]!);
  }
  return found;
}
