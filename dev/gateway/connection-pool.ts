/**
 * Unix socket connections to one plugin server, as one Kong worker keeps them: idle ones are reused, the newest
 * first, and closed after a minute or when the server speaks or leaves unasked.
 */
import { connect, type Socket } from 'node:net';

/** How Kong's sockets report an end; the texts decide what Kong does next. */
export const CLOSED = 'closed';
export const TIMEOUT = 'timeout';

export interface ConnectionUser {
  data(chunk: Buffer): void;
  /** The connection is of no further use, except after a timeout. */
  failed(reason: string): void;
}

export interface PoolLimits {
  readonly readTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxIdleConnections: number;
}

export class Connection {
  readonly #socket: Socket;
  #user: ConnectionUser | undefined;

  constructor(
    socketPath: string,
    readonly pool: ConnectionPool,
  ) {
    this.#socket = connect(socketPath);
    this.#socket.on('data', (chunk) => {
      // Nobody asked: a late answer to a call that timed out. nginx drops such a connection, too.
      if (!this.#user) this.#socket.destroy();
      else this.#user.data(chunk);
    });
    this.#socket.on('end', () => this.#fail(CLOSED));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(reasonOf(error)));
    this.#socket.on('timeout', () => {
      if (!this.#user) this.#socket.destroy();
      else this.#user.failed(TIMEOUT);
    });
    this.#socket.on('close', () => {
      this.#fail(CLOSED);
      this.pool.forget(this);
    });
  }

  use(user: ConnectionUser, readTimeoutMs: number): void {
    this.#user = user;
    this.#socket.setTimeout(readTimeoutMs);
  }

  idle(idleTimeoutMs: number): void {
    this.#user = undefined;
    this.#socket.setTimeout(idleTimeoutMs);
  }

  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Closes after what was written has gone out, without waiting for the server. */
  close(): void {
    this.#user = undefined;
    this.#socket.destroySoon();
  }

  /** Ends a call that may be waiting for an answer. */
  abort(reason: string): void {
    this.#fail(reason);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readable;
  }

  #fail(reason: string): void {
    const user = this.#user;
    this.#user = undefined;
    user?.failed(reason);
    this.#socket.destroy();
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
      return 'connection reset by peer';
    case 'EPIPE':
      return 'broken pipe';
    case 'ENOENT':
      return 'no such file or directory';
    case undefined:
    default:
      return error.message;
  }
}

export class ConnectionPool {
  readonly #open = new Set<Connection>();
  #idle: Connection[] = [];

  constructor(
    readonly socketPath: string,
    readonly limits: PoolLimits,
  ) {}

  acquire(user: ConnectionUser): Connection {
    let connection = this.#idle.pop();
    while (connection && !connection.isOpen) connection = this.#idle.pop();
    if (!connection) {
      connection = new Connection(this.socketPath, this);
      this.#open.add(connection);
    }
    connection.use(user, this.limits.readTimeoutMs);
    return connection;
  }

  release(connection: Connection): void {
    if (!connection.isOpen || this.#idle.length >= this.limits.maxIdleConnections) {
      connection.close();
      return;
    }
    connection.idle(this.limits.idleTimeoutMs);
    this.#idle.push(connection);
  }

  forget(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  get openConnections(): number {
    return this.#open.size;
  }

  close(): void {
    for (const connection of this.#open) connection.abort('the gateway is shutting down');
    this.#idle = [];
  }
}
