/**
 * How many connections the process has on its sockets, so that file descriptors are left for Kafka, for bodies in files
 * and for refusing what is too much.
 *
 * Kong uses a connection as soon as it has opened it and drops one it does not use after a minute. Whoever holds idle
 * ones in thousands loses one of them to each that comes; where all are in use, new requests are refused.
 */

import { openFileLimit } from '../common/open-file-limit';
import { Roster } from '../common/roster';

/** More than Kong's workers keep idle: 256 each for each plugin. */
const IDLE_CONNECTIONS = 32_768;
const RESERVED_SHARE = 0.1;
const MIN_RESERVED = 64;
const MAX_RESERVED = 1024;
/** Looked at for one that is idle; the next look begins behind them. */
const LOOKED_AT = 64;

export interface LimitedConnection {
  /** Kong waits for nothing on it. */
  readonly isIdle: boolean;
  drop(): void;
  /** Of the limit: its place there. */
  limitPlace: number;
}

export class ConnectionLimit {
  private readonly open = new Roster<LimitedConnection>();
  /** Where the next look begins. Before it are the youngest, as long as places are taken in their order. */
  private nextLook = 0;
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
    if (this.open.size >= this.max) this.dropIdle();
    connection.limitPlace = this.open.enter(connection);
  }

  delete(connection: LimitedConnection): void {
    this.open.leave(connection.limitPlace, connection);
  }

  private dropIdle(): void {
    for (let looks = 0; looks < LOOKED_AT; looks++) {
      const connection = this.open.at(this.nextLook);
      this.nextLook = (this.nextLook + 1) % this.open.places;
      if (connection?.isIdle !== true) continue;
      this.open.leave(connection.limitPlace, connection);
      this.droppedCount++;
      connection.drop();
      return;
    }
  }
}

/** @param maxOpenEvents each has a connection, and one that is refused needs one as well */
export function maxConnections(maxOpenEvents: number, openFiles: number = openFileLimit()): number {
  const reserved = Math.min(Math.max(openFiles * RESERVED_SHARE, MIN_RESERVED), MAX_RESERVED);
  return Math.max(1, Math.floor(Math.min(openFiles - reserved, maxOpenEvents + IDLE_CONNECTIONS)));
}
