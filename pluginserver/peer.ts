/** Whoever is at the other end of a connection: Kong, or somebody who also may connect. */

import type { Socket } from 'node:net';
import type { LogFields } from '../bridge/telemetry/log';
import type { LogMessage } from '../bridge/telemetry/log-events';
import { Connection, type ConnectionOwner } from './connection';
import type { LimitedConnection } from './connection-limit';
import type { PluginEvent } from './event';
import type { Overload } from './overload';

/**
 * Two minutes. Kong answers a call at once, and is asked for something every 20 s while an event waits; a worker that
 * is held up for longer has lost its clients.
 */
export const MAX_SILENT_TICKS = 24;

export interface PeerOwner {
  /** A call from Kong. The payload is valid during the call only. */
  onCall(peer: Peer, payload: Buffer): void;
  onGone(peer: Peer): void;
  /** For lines that whoever is connected can cause as often as it likes. */
  warn(message: LogMessage, fields: LogFields): void;
}

export class Peer implements ConnectionOwner, LimitedConnection {
  readonly connection: Connection;
  /** The last one; an event that is open is that of its peer. */
  event: PluginEvent | undefined;
  /** It is waiting for the answer to a call to hand over. */
  isTakingOver = false;
  isGone = false;
  /** Among those of its server. */
  place = -1;
  limitPlace = -1;
  private heardBytes = 0;
  private silentTicks = 0;

  constructor(
    private readonly socket: Socket,
    private readonly owner: PeerOwner,
    overload: Overload,
    maxFrameBytes: number,
  ) {
    this.connection = new Connection(socket, this, overload, maxFrameBytes);
  }

  get openEvent(): PluginEvent | undefined {
    return this.event?.open === true ? this.event : undefined;
  }

  get isIdle(): boolean {
    return this.openEvent === undefined && !this.isTakingOver;
  }

  /** What was promised and does not come: an answer, or the rest of a frame. To be asked once a tick. */
  get isSilent(): boolean {
    const { bytesRead } = this.socket;
    const isExpected = this.openEvent ? !this.connection.settled : this.connection.isInFrame;
    this.silentTicks = isExpected && bytesRead === this.heardBytes ? this.silentTicks + 1 : 0;
    this.heardBytes = bytesRead;
    return this.silentTicks > MAX_SILENT_TICKS;
  }

  drop(): void {
    // One that does not read would never be closed in order.
    if (this.socket.writableLength > 0) this.socket.destroy();
    else this.connection.close();
  }

  /** Ends the connection once everything is written, whatever it was in the middle of. */
  end(): void {
    this.socket.destroySoon();
  }

  // ---- Of its connection ---------------------------------------------------------------------------------

  onCall(payload: Buffer): void {
    this.owner.onCall(this, payload);
  }

  onClose(): void {
    this.isGone = true;
    const { event } = this;
    this.event = undefined;
    this.owner.onGone(this);
    event?.onConnectionClosed();
  }

  warn(message: LogMessage, fields: LogFields): void {
    this.owner.warn(message, fields);
  }
}
