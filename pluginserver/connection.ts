/**
 * One connection from a Kong worker: frames in, frames out, and which answer belongs to which call.
 *
 * Kong answers the calls of a connection strictly in order, so a queue of expected answers is all the matching
 * there is. It outlives an event: one that returns does not wait for the answers to its last calls, and those
 * still come before the next event.
 */

import type { Socket } from 'node:net';
import { tooManyBytes } from '../bridge/bytes-in-flight';
import { GatewayError } from '../bridge/errors';
import { log, type LogFields } from '../bridge/telemetry/log';
import type { LogMessage } from '../bridge/telemetry/log-events';
import { FrameDecoder } from './frames';
import type { Overload } from './overload';

/** Somebody who waits for the next answer on a connection. */
export interface ExpectedAnswer {
  /** The payload is valid during the call only. Must not throw. */
  answer(payload: Buffer): void;
  fail(error: GatewayError): void;
}

export interface ConnectionOwner {
  /** A frame that is no answer: a call from Kong. */
  onCall(payload: Buffer): void;
  onClose(): void;
  /** For lines that whoever is connected can cause as often as it likes. */
  warn(message: LogMessage, fields: LogFields): void;
}

/** Larger parts are sent as they are instead of being copied into one buffer. */
const COPY_BELOW_BYTES = 64 * 1024;
/** Kong's own limit for what an administrator sends. Answers may be larger: bodies. */
const MAX_CALL_BYTES = 10 * 1024 * 1024;
/**
 * Never refused: a call, which is to be answered that there is no memory, and answers such as the id of a request that was
 * accepted.
 */
const SMALL_FRAME_BYTES = 4096;

export class Connection {
  private expected: ExpectedAnswer[] = [];
  private readonly decoder: FrameDecoder;
  private parts: Buffer[] = [];
  private queued = false;
  private closed = false;
  /** Of a frame that is still coming in. */
  private frameBytes = 0;
  private unsentBytes = 0;

  constructor(
    private readonly socket: Socket,
    private readonly owner: ConnectionOwner,
    private readonly overload: Overload,
    maxFrameBytes: number,
  ) {
    this.decoder = new FrameDecoder(
      {
        onFrame: (payload) => this.onFrame(payload),
        onOversize: (lengthBytes) => this.onOversize(lengthBytes, maxFrameBytes),
        admits: (furtherBytes, lengthBytes) => this.admits(furtherBytes, lengthBytes),
      },
      maxFrameBytes,
    );
    socket.on('data', (chunk) => this.decoder.push(chunk));
    // A peer may vanish in any way it likes; 'close' follows and says all that matters.
    socket.on('error', (error) => log.debug('a connection from Kong failed', { reason: error.message }));
    socket.on('drain', () => this.onDrain());
    socket.on('close', () => this.onClose());
  }

  /** True when no answer is outstanding. */
  get settled(): boolean {
    return this.expected.length === 0;
  }

  expect(answer: ExpectedAnswer): void {
    // The first push into an empty array takes room for seventeen, and an event that waits expects little.
    if (this.expected.length === 0) this.expected = [answer];
    else this.expected.push(answer);
  }

  /** Adds to what is written at the end of this tick, in one write with everything else. */
  send(part: Buffer): void {
    this.parts.push(part);
    if (!this.queued) {
      this.queued = true;
      flushAtEndOfTick(this);
    }
  }

  /** Writes now what was collected. The kernel has it when this returns, unless its buffer is full. */
  flush(): void {
    this.queued = false;
    const { parts } = this;
    if (parts.length === 0 || this.closed) return;
    this.parts = [];
    if (parts.length === 1) this.socket.write(parts[0] as Buffer);
    else this.writeTogether(parts);
    if (this.socket.writableNeedDrain) this.countUnsent();
  }

  private writeTogether(parts: readonly Buffer[]): void {
    const lengthBytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (lengthBytes < COPY_BELOW_BYTES) {
      this.socket.write(Buffer.concat(parts, lengthBytes));
      return;
    }
    this.socket.cork();
    for (const part of parts) this.socket.write(part);
    this.socket.uncork();
  }

  /** What Kong has not taken yet. Little is not counted: below 16 KB nothing would tell that it has gone out. */
  private countUnsent(): void {
    const unsentBytes = this.closed || !this.socket.writableNeedDrain ? 0 : this.socket.writableLength;
    this.overload.add(unsentBytes - this.unsentBytes);
    this.unsentBytes = unsentBytes;
  }

  /** Ends the connection in order, after what was written. Kong then runs the event again: see event.ts. */
  close(): void {
    this.decoder.stop();
    this.flush();
    this.socket.destroySoon();
  }

  /**
   * Lets Kong drop the connection: it sees the end behind what was written. Our other half stays open until it has,
   * because a socket closed with something unread is a reset, and that is a 500 in Kong.
   */
  retire(): void {
    this.decoder.stop();
    this.flush();
    this.socket.end();
  }

  /** True when the rest of a frame is still to come. */
  get isInFrame(): boolean {
    return this.decoder.isInFrame;
  }

  /** Whoever does not read our answers is not listened to. Between events only: Kong may be sending a large answer. */
  pauseUntilRead(): void {
    if (this.socket.writableNeedDrain) this.socket.pause();
  }

  /** Nothing more is read, until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  private onDrain(): void {
    this.countUnsent();
    this.socket.resume();
  }

  private admits(furtherBytes: number, lengthBytes: number): boolean {
    if (this.expected.length === 0 && lengthBytes > MAX_CALL_BYTES) return false;
    if (lengthBytes <= SMALL_FRAME_BYTES) this.overload.add(furtherBytes);
    else if (!this.overload.reserve(furtherBytes)) return false;
    this.frameBytes += furtherBytes;
    return true;
  }

  private releaseFrame(): void {
    if (this.frameBytes === 0) return;
    this.overload.add(-this.frameBytes);
    this.frameBytes = 0;
  }

  private onFrame(payload: Buffer): void {
    // First, so that the event which keeps the payload does not count it a second time.
    this.releaseFrame();
    const expected = this.expected.shift();
    if (expected === undefined) this.owner.onCall(payload);
    else expected.answer(payload);
  }

  /** Too large an answer fails its call only; closing would make Kong run the event again, with the same answer. */
  private onOversize(lengthBytes: number, maxFrameBytes: number): void {
    this.releaseFrame();
    const expected = this.expected.shift();
    if (expected === undefined) {
      const message =
        lengthBytes > MAX_CALL_BYTES
          ? 'closing a connection that does not speak the plugin protocol'
          : 'closing a connection: no memory is left for what it says';
      this.owner.warn(message, { length_bytes: lengthBytes });
      this.close();
      return;
    }
    if (lengthBytes > maxFrameBytes) {
      const detail = `Kong's answer has ${lengthBytes} bytes, the server takes ${maxFrameBytes}`;
      expected.fail(new GatewayError('request_too_large', detail));
    } else expected.fail(tooManyBytes(lengthBytes));
  }

  private onClose(): void {
    this.closed = true;
    this.decoder.stop();
    this.parts = [];
    this.releaseFrame();
    this.countUnsent();
    // Node.js may keep a socket that is over for a while, and with its listeners what they lead to.
    this.socket.removeAllListeners();
    this.owner.onClose();
    const lost = this.expected.splice(0);
    if (lost.length === 0) return;
    const error = new GatewayError('internal', 'Kong closed the connection');
    for (const expected of lost) expected.fail(error);
  }
}

let waiting: Connection[] = [];

/**
 * The end of a tick is when all microtasks have run: then a handler that was resumed has made all the calls it
 * can make, and has perhaps returned. Shared by all connections, so a tick costs one callback and not one each.
 */
function flushAtEndOfTick(connection: Connection): void {
  waiting.push(connection);
  if (waiting.length > 1) return;
  queueMicrotask(() => process.nextTick(flushWaiting));
}

function flushWaiting(): void {
  const due = waiting;
  waiting = [];
  for (const connection of due) connection.flush();
}
