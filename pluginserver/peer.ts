/** Whoever is at the other end of a connection: Kong, or somebody who also may connect. */

import type { Socket } from 'node:net';
import type { Connection } from './connection';
import type { LimitedConnection } from './connection-limit';
import type { PluginEvent } from './event';

/**
 * Two minutes. Kong answers a call at once, and is asked for something every 20 s while an event waits; a worker that
 * is held up for longer has lost its clients.
 */
export const MAX_SILENT_TICKS = 24;

export class Peer implements LimitedConnection {
  event: PluginEvent | undefined;
  /** It is waiting for the answer to a call to hand over. */
  isTakingOver = false;
  private heardBytes = 0;
  private silentTicks = 0;

  constructor(
    readonly socket: Socket,
    private readonly connection: Connection,
  ) {}

  get isIdle(): boolean {
    return this.event?.open !== true && !this.isTakingOver;
  }

  /** What was promised and does not come: an answer, or the rest of a frame. To be asked once a tick. */
  get isSilent(): boolean {
    const { bytesRead } = this.socket;
    const isExpected = this.event?.open === true ? !this.connection.settled : this.connection.isInFrame;
    this.silentTicks = isExpected && bytesRead === this.heardBytes ? this.silentTicks + 1 : 0;
    this.heardBytes = bytesRead;
    return this.silentTicks > MAX_SILENT_TICKS;
  }

  drop(): void {
    // One that does not read would never be closed in order.
    if (this.socket.writableLength > 0) this.socket.destroy();
    else this.connection.close();
  }
}
