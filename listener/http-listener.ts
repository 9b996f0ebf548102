/**
 * A port that takes HTTP from Kong, for what its plugin protocol cannot carry. It knows nothing of what comes: rooms
 * register a prefix each, and all else is 404.
 *
 * It is an extra, so nothing about it may hurt the sockets: a port that is taken is tried again, since the process before
 * this one may hold it until it ends; and it has a bounded number of connections.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '../bridge/clock';
import { log } from '../bridge/telemetry/log';
import { answerJson, type HttpRoute } from './http-route';

export interface HttpListenerOptions {
  readonly host: string;
  /** 0 takes any. */
  readonly port: number;
  readonly routes: readonly HttpRoute[];
  readonly clock?: Clock;
}

/** Each worker of Kong keeps a few. */
const MAX_CONNECTIONS = 512;
const MAX_HEADER_BYTES = 16_384;
/** For a request to arrive, body and all. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 5000;
/** Longer than Kong keeps a connection it does not use, so that Kong is the one to close it. */
const KEEP_ALIVE_MS = 65_000;
const RETRY_MS = 500;

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #clock: Clock;
  #isWanted = false;
  #server: Server | undefined;
  #cancelRetry: (() => void) | undefined;
  #wasRefused = false;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Where it listens; undefined while it does not. */
  get boundPort(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  /**
   * Takes the port or gives it up; requests that have come are answered all the same. Idempotent, never rejects, and
   * resolves after the first attempt: a port that is taken is tried again.
   */
  async serve(isWanted: boolean): Promise<void> {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) await this.#listen();
    else this.#giveUp();
  }

  async #listen(): Promise<void> {
    const server = this.#makeServer();
    const { host, port } = this.#options;
    const failure = await new Promise<Error | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen({ host, port }, () => resolve(undefined));
    });
    if (!this.#isWanted) server.close();
    else if (failure === undefined) {
      server.on('error', ({ message }) => log.debug('the listener could not accept', { reason: message }));
      this.#server = server;
      this.#wasRefused = false;
      log.info('listening for HTTP', { host, port: this.boundPort });
    } else {
      if (!this.#wasRefused)
        log.warn('the HTTP listener has no port; it is tried again', { host, port, reason: failure.message });
      this.#wasRefused = true;
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => void this.#listen());
    }
  }

  #giveUp(): void {
    this.#cancelRetry?.();
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
    server.maxConnections = MAX_CONNECTIONS;
    return server;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace(/\?.*/s, '');
    const route = this.#options.routes.find(({ prefix }) => path.startsWith(prefix));
    if (!this.#isWanted) response.shouldKeepAlive = false;
    if (route === undefined) {
      answerJson(response, 404, { message: 'nothing is served here' });
      return;
    }
    try {
      route.handle(request, response, path.slice(route.prefix.length));
    } catch (error) {
      log.error('a request to the HTTP listener failed', { prefix: route.prefix, error });
      answerJson(response, 500, { message: 'the request failed' });
    }
  }
}
