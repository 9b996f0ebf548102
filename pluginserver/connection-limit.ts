/**
 * How many connections the process has on its sockets, so that file descriptors are left for Kafka, for bodies in files
 * and for refusing what is too much.
 *
 * Kong uses a connection as soon as it has opened it and drops one it does not use after a minute. Whoever holds idle
 * ones in thousands loses the oldest of them to those that come; where all are in use, new requests are refused.
 */

import { openFileLimit } from '../common/open-file-limit';

/** More than Kong's workers keep idle: 256 each for each plugin. */
const IDLE_CONNECTIONS = 32_768;
const RESERVED_SHARE = 0.1;
const MIN_RESERVED = 64;
const MAX_RESERVED = 1024;
/** Looked at for one that is idle; those in use move to the end, so the next look begins behind them. */
const LOOKED_AT = 64;

export interface LimitedConnection {
  /** Kong waits for nothing on it. */
  readonly isIdle: boolean;
  drop(): void;
}

export class ConnectionLimit {
  /** The oldest first, as far as they have been looked at. */
  private readonly open = new Set<LimitedConnection>();
  private droppedCount = 0;

  constructor(readonly max: number) {}

  get size(): number {
    return this.open.size;
  }

  get isExceeded(): boolean {
    return this.open.size > this.max;
  }

  get dropped(): number {
    return this.droppedCount;
  }

  add(connection: LimitedConnection): void {
    if (this.open.size >= this.max) this.dropOldestIdle();
    this.open.add(connection);
  }

  delete(connection: LimitedConnection): void {
    this.open.delete(connection);
  }

  private dropOldestIdle(): void {
    let looks = 0;
    for (const connection of this.open) {
      if (looks++ === LOOKED_AT) return;
      this.open.delete(connection);
      if (connection.isIdle) {
        this.droppedCount++;
        connection.drop();
        return;
      }
      this.open.add(connection);
    }
  }
}

/** @param maxOpenEvents each has a connection, and one that is refused needs one as well */
export function maxConnections(maxOpenEvents: number, openFiles: number = openFileLimit()): number {
  const reserved = Math.min(Math.max(openFiles * RESERVED_SHARE, MIN_RESERVED), MAX_RESERVED);
  return Math.max(1, Math.floor(Math.min(openFiles - reserved, maxOpenEvents + IDLE_CONNECTIONS)));
}
