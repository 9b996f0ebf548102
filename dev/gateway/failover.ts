/**
 * What kong/failover-location.conf and kong/failover-proxy.conf make of nginx: a marked request whose upstream cannot be
 * reached, or does not answer, goes to the listener of the plugin server. What that does not keep is Kong's own error.
 */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Service } from './entities';
import { HeaderList } from './headers';
import { textOf } from './lua-value';
import type { RequestContext } from './request-context';
import { writeHead } from './response';

export type ListenerAddress =
  { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** What nginx knows of the try that failed, as its variables tell it. */
export interface Failure {
  readonly status: number;
  /** `$upstream_addr` */
  readonly address: string;
  /** `$upstream_connect_time`: `-` where no connection was made. */
  readonly connectTime: string;
  readonly bytesSent: string;
}

const NOT_KEPT = new Set([400, 404, 408, 413, 417, 431, 500, 502, 503, 504]);
const OF_THE_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect'];

/** The text that the plugin has put into `ngx.ctx`; undefined: the request is not marked. */
export function markOf(request: RequestContext): string | undefined {
  const mark = request.context.get('kafka_failover');
  return typeof mark === 'string' || mark instanceof Uint8Array ? textOf(mark) : undefined;
}

/** @returns false when Kong's own error is what the client gets */
export async function failOver(
  listener: ListenerAddress,
  mark: string,
  request: RequestContext,
  service: Service,
  failure: Failure,
  response: ServerResponse,
): Promise<boolean> {
  const stored = await request.body.read();
  const body = await request.body.stream();
  const headers = HeaderList.fromRaw(request.headers.toRaw());
  for (const name of OF_THE_HOP) headers.delete(name);
  const facts = {
    status: failure.status,
    uri: request.rawQuery === '' ? request.rawPath : `${request.rawPath}?${request.rawQuery}`,
    remote_addr: request.clientIp,
    backend_url: `${service.protocol}://${service.host}:${service.port}`,
    service: service.name ?? service.id,
    route: request.match.route.name ?? request.match.route.id,
    upstream_addr: failure.address,
    connect_time: failure.connectTime,
    bytes_sent: failure.bytesSent,
  };
  headers.set('X-Kafka-Failover-Ticket', [mark]);
  headers.set('X-Kafka-Failover-Facts', [Buffer.from(JSON.stringify(facts)).toString('base64')]);
  headers.set('Host', [request.host]);
  if ('content' in stored) headers.set('Content-Length', [String(stored.content.length)]);
  const answer = await new Promise<IncomingMessage | undefined>((resolve) => {
    const sent = httpRequest({
      ...listener,
      method: request.method,
      path: '/failover/',
      headers: headers.toRaw(),
      agent: false,
    });
    sent.on('response', resolve);
    sent.on('error', () => resolve(undefined));
    if (body instanceof Readable) body.pipe(sent);
    else sent.end(body);
  });
  if (answer === undefined || NOT_KEPT.has(answer.statusCode ?? 0)) {
    answer?.resume();
    return false;
  }
  if (response.destroyed || response.headersSent) {
    answer.resume();
    return true;
  }
  const answered = HeaderList.fromRaw(answer.rawHeaders);
  for (const name of ['connection', 'keep-alive']) answered.delete(name);
  answered.set('X-Kong-Request-Id', [request.id]);
  writeHead(response, request, answer.statusCode ?? 502, answered);
  answer.pipe(response);
  return true;
}
