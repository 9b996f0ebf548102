/**
 * A port or a Unix socket that takes HTTP from Kong, for what its plugin protocol cannot carry. It knows nothing of what
 * comes: rooms register a prefix each, and all else is 404.
 *
 * It is an extra, so nothing about it may hurt the plugins' sockets: a port that is taken is tried again, since the
 * process before this one may hold it until it ends; and it has a bounded number of connections. The name of a socket
 * goes over to a successor at once, and is taken back when nobody has it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../bridge/clock';
import { log } from '../bridge/telemetry/log';
import { NowAndThen } from '../bridge/telemetry/now-and-then';
import { openFileLimit } from '../common/open-file-limit';
import { answerJson, type HttpRoute } from './http-route';
import { SocketPath } from './socket-path';

/** Port 0 takes any. The path is that of a Unix socket. */
export type HttpAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface HttpListenerOptions {
  readonly address: HttpAddress;
  readonly routes: readonly HttpRoute[];
  readonly clock?: Clock;
}

/**
 * Each worker of Kong keeps a few. What comes on further ones is refused, so that nginx has an answer at once. Those whose
 * answer takes hours do not count: their room has a limit of its own.
 */
const MAX_CONNECTIONS = 512;
/**
 * Connections that have not said yet what they want, or were told that there is no room: in a burst all are there before the
 * first of them is read. More are cut, as each answer needs an open file until it is read.
 */
const MAX_STRANGERS = Math.max(512, Math.min(4096, Math.floor(openFileLimit() / 4)));
/** As many wait in the kernel; it takes what its `net.core.somaxconn` allows. */
const BACKLOG = MAX_STRANGERS;
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
/** Of all addresses: a client of Kong that cannot be reached there. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
/** As much as Kong takes from a client, and what is added on the way. */
const MAX_HEADER_BYTES = 65_536;
/** For a request to arrive, body and all. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 5000;
/** Longer than Kong keeps a connection it does not use, so that Kong is the one to close it. */
const KEEP_ALIVE_MS = 65_000;
const RETRY_MS = 500;

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #clock: Clock;
  readonly #socketPath: SocketPath | undefined;
  /** All connections. Those that are neither of the two below are strangers. */
  #open = 0;
  /** Those of requests that are answered at once. */
  readonly #served = new Set<Socket>();
  /** Those whose answer takes its time. */
  #long = 0;
  readonly #lines: NowAndThen<'full'>;
  #isWanted = false;
  #server: Server | undefined;
  #cancelRetry: (() => void) | undefined;
  #wasRefused = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#lines = new NowAndThen(() => this.#clock.now());
    this.#socketPath = 'path' in options.address ? new SocketPath(options.address.path) : undefined;
  }

  /** A successor can have it only when this process gives it up. */
  get isPort(): boolean {
    return this.#socketPath === undefined;
  }

  /** Where a process on this machine reaches it; undefined while nobody does, and for a Unix socket. */
  get reachableAt(): { readonly host: string; readonly port: number } | undefined {
    const { address } = this.#options;
    const port = this.boundPort;
    if (port === undefined || !('host' in address)) return undefined;
    return { host: ANY_ADDRESS[address.host] ?? address.host, port };
  }

  /** Undefined while it does not listen, and for a Unix socket. */
  get boundPort(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  /**
   * Takes the address or gives it up; requests that have come are answered all the same. Idempotent, never rejects, and
   * resolves after the first attempt: a port that is taken is tried again. Called again, it looks after the socket's name.
   */
  async serve(isWanted: boolean): Promise<void> {
    if (isWanted && this.#server !== undefined && this.#socketPath?.holder === 'nobody') this.#giveUp();
    else if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) await this.#listen();
    else this.#giveUp();
  }

  async #listen(): Promise<void> {
    const server = this.#makeServer();
    const { address } = this.#options;
    const failure = await this.#bind(server);
    if (!this.#isWanted) {
      server.close();
      this.#socketPath?.release();
    } else if (failure === undefined) {
      server.on('error', ({ message }) => log.debug('the listener could not accept', { reason: message }));
      this.#server = server;
      this.#wasRefused = false;
      log.info('listening for HTTP', { ...address, ...(this.isPort && { port: this.boundPort }) });
    } else {
      server.close();
      if (!this.#wasRefused)
        log.warn('the HTTP listener has no address; it is tried again', {
          ...address,
          reason: failure.message,
        });
      this.#wasRefused = true;
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => void this.#listen());
    }
  }

  /** @returns why it could not */
  async #bind(server: Server): Promise<Error | undefined> {
    const { address } = this.#options;
    try {
      const path = this.#socketPath?.prepare();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...(path === undefined ? address : { path }), backlog: BACKLOG }, resolve);
      });
      this.#socketPath?.claim();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #giveUp(): void {
    this.#cancelRetry?.();
    this.#socketPath?.release();
    this.#server?.close();
    this.#server?.closeIdleConnections();
    this.#server = undefined;
  }

  #makeServer(): Server {
    const server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) => this.#serve(request, response),
    );
    server.on('connection', (socket) => this.#admit(socket));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    return server;
  }

  #admit(socket: Socket): void {
    if (this.#open - this.#served.size - this.#long >= MAX_STRANGERS) {
      socket.destroy();
      return;
    }
    this.#open++;
    socket.once('close', () => {
      this.#open--;
      this.#served.delete(socket);
    });
  }

  /** @returns false: there is no room for a request on it */
  #takes(socket: Socket): boolean {
    if (this.#served.size >= MAX_CONNECTIONS && !this.#served.has(socket)) return false;
    this.#served.add(socket);
    return true;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const route = this.#routeOf(request.url);
    try {
      if (route?.upgrade?.(request, socket, head)) {
        this.#isLongUntilClosed(request.socket, socket);
        return;
      }
    } catch (error) {
      log.error('a request to the HTTP listener failed', { prefix: route?.prefix, error });
    }
    // Node does not time it any more.
    socket.end(NOT_FOUND, () => socket.destroy());
  }

  #isLongUntilClosed(socket: Socket, answer: Duplex | ServerResponse): void {
    this.#served.delete(socket);
    this.#long++;
    answer.once('close', () => this.#long--);
  }

  #routeOf(url: string | undefined): HttpRoute | undefined {
    const path = pathOf(url);
    return this.#options.routes.find(({ prefix }) => path.startsWith(prefix));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    // It waits for an answer before it, and would never hear of the end of its connection. nginx does not do that.
    if (response.socket === null) {
      request.socket.destroy();
      return;
    }
    const route = this.#routeOf(request.url);
    if (!this.#isWanted) response.shouldKeepAlive = false;
    if (route?.isLong) this.#isLongUntilClosed(request.socket, response);
    else if (!this.#takes(request.socket)) {
      this.#refuse(response);
      return;
    }
    if (route === undefined) {
      answerJson(response, 404, { message: 'nothing is served here' });
      return;
    }
    try {
      route.handle(request, response, pathOf(request.url).slice(route.prefix.length));
    } catch (error) {
      log.error('a request to the HTTP listener failed', { prefix: route.prefix, error });
      answerJson(response, 500, { message: 'the request failed' });
    }
  }

  #refuse(response: ServerResponse): void {
    response.shouldKeepAlive = false;
    answerJson(response, 503, { message: 'too many connections' }, { 'retry-after': '1' });
    const line = this.#lines.due('full');
    if (line === undefined) return;
    log.warn('the HTTP listener has too many connections, and answers 503 on those above', {
      most: MAX_CONNECTIONS,
      further_times: line.further,
    });
  }
}

function pathOf(url = ''): string {
  return url.replace(/\?.*/s, '');
}
