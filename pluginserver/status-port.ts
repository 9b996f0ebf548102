/**
 * The port of the status page. It is a convenience, so nothing about it may hurt requests:
 *
 *   - a port that is taken is said, and tried again in the background: the process before this one may hold it, and
 *     gives it up when it is replaced (take-over.ts);
 *   - it has a few connections at a time, and the oldest makes room for the newest: whoever opens thousands takes no
 *     descriptor from Kong's sockets, and a probe that asks at once is still answered.
 */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { systemClock, type Clock } from '../bridge/clock';
import { log } from '../bridge/telemetry/log';
import { askHolder } from './status-holder';

/** Probes and scrapers ask one at a time. */
export const MAX_CONNECTIONS = 16;
const BACKLOG = 64;
/** For a request to arrive, and for a connection that says nothing. */
const REQUEST_TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 1000;
const CHECK_INTERVAL_MS = 1000;
const MAX_HEADER_BYTES = 8192;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

export interface StatusPortOptions {
  readonly port: number;
  readonly host: string;
  /** With which another process of ours that holds the port can be asked. */
  readonly token?: string | undefined;
  readonly onRequest: RequestListener;
  readonly clock?: Clock;
}

export class StatusPort {
  /** What was asked for: 0 takes any. */
  readonly port: number;
  private readonly host: string;
  private readonly token: string | undefined;
  private readonly onRequest: RequestListener;
  private readonly clock: Clock;
  private server: Server | undefined;
  private sockets = new Set<Socket>();
  private cancelRetry: (() => void) | undefined;
  private retryMs = FIRST_RETRY_MS;
  private failures = 0;
  private isClosed = false;

  constructor({ port, host, token, onRequest, clock = systemClock }: StatusPortOptions) {
    this.port = port;
    this.host = host;
    this.token = token;
    this.onRequest = onRequest;
    this.clock = clock;
  }

  get isListening(): boolean {
    return this.server !== undefined;
  }

  /** Where it listens; with port 0, the one it got. */
  get boundPort(): number | undefined {
    const address = this.server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  /** One attempt, without a word when it fails. */
  async tryToListen(): Promise<NodeJS.ErrnoException | undefined> {
    if (this.isClosed || this.server !== undefined) return undefined;
    const server = this.makeServer();
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen({ port: this.port, host: this.host, backlog: BACKLOG }, () => resolve(undefined));
    });
    if (failure !== undefined) return failure;
    server.on('error', (error) => log.debug('the status page could not accept', { reason: error.message }));
    // Sockets that wait for requests must not delay the end of the process.
    server.unref();
    // Closed, or given up, while the name of the host was looked up.
    if (this.isClosed) server.close();
    else this.server = server;
    return undefined;
  }

  /** Resolves after the first attempt; if that fails, others follow in the background. Never throws. */
  async keepTrying(): Promise<void> {
    this.cancelRetry?.();
    const failure = await this.tryToListen();
    if (failure === undefined) {
      if (this.failures > 0 && this.isListening) log.info('the status page is served now', this.facts());
      this.failures = 0;
      this.retryMs = FIRST_RETRY_MS;
      return;
    }
    this.cancelRetry = this.clock.after(this.retryMs, () => void this.keepTrying());
    this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_MS);
    if (this.failures++ === 0) await this.tellWhy(failure);
  }

  /** For a successor that wants the same port. Resolves when it is free; other ports are none of its business. */
  async yieldTo(wantedPort: number): Promise<void> {
    const { server } = this;
    if (server === undefined || wantedPort !== this.boundPort) return;
    log.info('giving the status port to the process that takes over', this.facts());
    await this.release();
  }

  /** Idempotent. */
  close(): void {
    this.isClosed = true;
    this.cancelRetry?.();
    void this.release();
  }

  private release(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    return new Promise((resolve) => {
      if (server === undefined) return void resolve();
      server.close(() => resolve());
      // An answer that was given is in the kernel already.
      for (const socket of this.sockets) socket.destroySoon();
    });
  }

  private makeServer(): Server {
    const server = createServer(
      {
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      this.onRequest,
    );
    server.timeout = REQUEST_TIMEOUT_MS;
    server.on('connection', (socket: Socket) => this.onConnection(socket));
    return server;
  }

  private onConnection(socket: Socket): void {
    if (this.sockets.size >= MAX_CONNECTIONS) {
      const [oldest] = this.sockets;
      this.sockets.delete(oldest as Socket);
      oldest?.destroy();
    }
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private async tellWhy(failure: NodeJS.ErrnoException): Promise<void> {
    const facts = { ...this.facts(), reason: failure.message };
    if (failure.code !== 'EADDRINUSE') {
      log.error('the status page cannot be served; requests are, and it is tried again', facts);
      return;
    }
    const heldBy = await askHolder(this.host, this.port, this.token);
    log.warn('the status port is taken; requests are served, and it is tried again', {
      ...facts,
      held_by: heldBy,
    });
  }

  private facts(): Record<string, unknown> {
    return { host: this.host, port: this.boundPort ?? this.port };
  }
}
