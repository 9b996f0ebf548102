/** What a room registers with the listener. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface HttpRoute {
  /** With slashes at both ends, such as `/log/`: what follows it is handed over. */
  readonly prefix: string;
  /** Its answers take their time, up to hours: their connections are not counted among those of requests. */
  readonly isLong?: true;
  /** @param rest of the path, as it was sent and without the query; must end the response, and not throw */
  handle(request: IncomingMessage, response: ServerResponse, rest: string): void;
  /** Takes the connection over, for another protocol. @returns false: it has not, and the answer is 404 */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

/** @param facts JSON without secrets; the reason as `message` */
export function answerJson(
  response: ServerResponse,
  status: number,
  facts: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${JSON.stringify(facts)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
