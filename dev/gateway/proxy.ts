/** The way to the upstream, and back. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Service } from './entities';
import { failOver, markOf, type Failure, type ListenerAddress } from './failover';
import { HeaderList, safeHeaderValue } from './headers';
import type { RequestContext } from './request-context';
import { sendError, SERVER_NAME, writeHead } from './response';

const HOP_BY_HOP = [
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]; // prettier-ignore

export class Proxy {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });
  readonly #failover: ListenerAddress | undefined;

  /** @param failover where marked requests go whose upstream fails; absent: the includes are not installed */
  constructor(failover?: ListenerAddress) {
    this.#failover = failover;
  }

  /**
   * Resolves when the response is on its way, whatever it is.
   * @param head of a request for an upgrade: what the client has sent after it
   */
  async forward(
    request: RequestContext,
    service: Service,
    response: ServerResponse,
    head?: Buffer,
  ): Promise<void> {
    const mark = this.#failover && markOf(request);
    // nginx has read the body before it goes to an upstream, so it has it for another one.
    if (mark !== undefined) await request.body.read();
    const body = request.upstream.rawBody ?? (await request.body.stream());
    const scheme = request.upstream.scheme ?? service.protocol;
    const isSecure = scheme === 'https';
    const startedAtMs = Date.now();
    await new Promise<void>((resolve) => {
      const host = request.upstream.host ?? service.host;
      const port = request.upstream.port ?? service.port;
      const uri = upstreamPath(request, service);
      request.proxied = { host, port, uri };
      const upstream = (isSecure ? httpsRequest : httpRequest)({
        host,
        port,
        method: request.upstream.method ?? request.method,
        path: uri,
        headers: upstreamHeaders(request, service, body, head !== undefined),
        agent: isSecure ? this.#https : this.#http,
        timeout: service.readTimeoutMs,
      });
      upstream.on('response', (answer) => {
        relay(answer, request, response, startedAtMs);
        resolve();
      });
      upstream.on('upgrade', (answer, connection: Socket, first: Buffer) => {
        switchProtocols(answer, connection, response, [head ?? Buffer.alloc(0), first]);
        resolve();
      });
      let status = 502;
      let isConnected = false;
      upstream.on('socket', (socket) => {
        if (!socket.connecting) isConnected = true;
        else socket.once('connect', () => (isConnected = true));
      });
      upstream.on('timeout', () => {
        status = 504;
        upstream.destroy(new Error('timed out'));
      });
      upstream.on('error', (error) => {
        request.log('err', `upstream ${service.host}:${service.port}: ${error.message}`);
        const failure = {
          status,
          address: `${host}:${port}`,
          connectTime: isConnected ? '0.001' : '-',
          bytesSent: isConnected ? String(upstream.socket?.bytesWritten ?? 1) : '0',
        };
        void this.#onFailure(mark, request, service, failure, response).then(resolve);
      });
      response.on('close', () => upstream.destroy());
      if (body instanceof Readable) body.pipe(upstream);
      else upstream.end(body);
    });
  }

  async #onFailure(
    mark: string | undefined,
    request: RequestContext,
    service: Service,
    failure: Failure,
    response: ServerResponse,
  ): Promise<void> {
    const isKept =
      this.#failover !== undefined &&
      mark !== undefined &&
      !response.headersSent &&
      (await failOver(this.#failover, mark, request, service, failure, response));
    if (!isKept) sendError(response, request, failure.status);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function upstreamPath(request: RequestContext, service: Service): string {
  const path = request.upstream.path ?? joinedPath(request, service);
  const query = request.upstream.rawQuery ?? request.rawQuery;
  const encoded = encodePath(path);
  return query === '' ? encoded : `${encoded}?${query}`;
}

function joinedPath(request: RequestContext, service: Service): string {
  const { route, remainder } = request.match;
  const rest = route.stripPath ? remainder : request.path;
  const base = service.path?.replace(/\/$/, '') ?? '';
  if (rest === '') return base === '' ? '/' : base;
  return base + (rest.startsWith('/') ? rest : `/${rest}`);
}

/** The normalised path was decoded; what may not stand in a request line is encoded again. */
function encodePath(path: string): string {
  return path.replace(
    /[^!$&'()*+,\-./0-9:;=@A-Z_a-z~%]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function upstreamHeaders(
  request: RequestContext,
  service: Service,
  body: Readable | Buffer,
  isUpgrade: boolean,
): string[] {
  const headers = HeaderList.fromRaw(request.headers.toRaw());
  const upgrade = headers.first('upgrade');
  const isChunked = headers.first('transfer-encoding') !== undefined;
  for (const name of HOP_BY_HOP) headers.delete(name);
  const defaultPort = (request.upstream.scheme ?? service.protocol) === 'https' ? 443 : 80;
  if (!request.match.route.preserveHost)
    headers.set('Host', [service.port === defaultPort ? service.host : `${service.host}:${service.port}`]);
  headers.add('X-Forwarded-For', request.clientIp);
  headers.set('X-Forwarded-Proto', [request.scheme]);
  headers.set('X-Forwarded-Host', [request.host]);
  headers.set('X-Forwarded-Port', [String(request.port)]);
  headers.set('X-Forwarded-Path', [request.rawPath]);
  headers.set('X-Real-IP', [request.clientIp]);
  headers.set('X-Kong-Request-Id', [request.id]);
  if (body instanceof Buffer) headers.set('Content-Length', [String(body.length)]);
  else if (isChunked) headers.set('Transfer-Encoding', ['chunked']);
  if (isUpgrade && upgrade !== undefined) headers.set('Upgrade', [upgrade]);
  headers.set('Connection', [isUpgrade ? 'upgrade' : 'keep-alive']);
  return headers.toRaw();
}

/** From here on both sides are bytes; when one ends, so does the other. */
function switchProtocols(
  answer: IncomingMessage,
  upstream: Socket,
  response: ServerResponse,
  [fromClient, fromUpstream]: readonly [Buffer, Buffer],
): void {
  const client = response.socket;
  upstream.on('error', () => client?.destroy());
  if (client === null || client.destroyed) return void upstream.destroy();
  response.detachSocket(client);
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let at = 0; at < answer.rawHeaders.length; at += 2)
    lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`);
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  client.write(fromUpstream);
  upstream.write(fromClient);
  client.on('error', () => upstream.destroy());
  client.on('close', () => {
    upstream.destroy();
    // Tells whoever looks after the request that it is over.
    response.destroy();
  });
  upstream.on('close', () => client.end());
  client.pipe(upstream);
  upstream.pipe(client);
}

function relay(
  answer: IncomingMessage,
  request: RequestContext,
  response: ServerResponse,
  startedAtMs: number,
): void {
  if (request.proxied) {
    request.proxied.status = answer.statusCode ?? 502;
    request.proxied.tookMs = Date.now() - startedAtMs;
  }
  if (response.destroyed || response.headersSent) return void answer.resume();
  const headers = HeaderList.fromRaw(answer.rawHeaders);
  for (const name of HOP_BY_HOP) headers.delete(name);
  const set = HeaderList.fromRaw(request.responseHeaders.toRaw()).toRaw();
  for (let i = 0; i < set.length; i += 2) headers.delete(set[i]!);
  for (let i = 0; i < set.length; i += 2) headers.add(set[i]!, safeHeaderValue(set[i + 1]!));
  headers.set('Via', [`1.1 ${SERVER_NAME}`]);
  headers.set('X-Kong-Upstream-Latency', [String(Date.now() - startedAtMs)]);
  headers.set('X-Kong-Proxy-Latency', [String(startedAtMs - request.startedAtMs)]);
  headers.set('X-Kong-Request-Id', [request.id]);
  writeHead(response, request, answer.statusCode ?? 502, headers);
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}
