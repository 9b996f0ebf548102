/**
 * Frames of Kong's ProtoBuf:1 protocol: uint32 little-endian length, then that many bytes.
 *
 * Kong writes length and payload with two sends, so any split must be expected, and pipelined answers come
 * several to a chunk. Each byte is looked at once, whatever the split.
 */

export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
const LENGTH_BYTES = 4;
/** Reserved for a frame at first. Its length is only announced: ten thousand silent peers must not cost 32 MiB each. */
const FIRST_RESERVED_BYTES = 64 * 1024;

export interface FrameHandlers {
  /** The payload is valid during the call only: it may be a view into the socket's read buffer. */
  onFrame(payload: Buffer): void;
  /** A frame above the limit, or one that was not admitted; its payload is skipped without being kept. */
  onOversize(lengthBytes: number): void;
  /**
   * Asked before memory is taken for a frame that comes in several parts, and each time it needs more: only what has
   * come is counted, because a length is quickly announced. Absent: all are admitted.
   */
  admits?(furtherBytes: number, lengthBytes: number): boolean;
}

/** A complete frame around a payload. */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

export class FrameDecoder {
  private readonly length = Buffer.allocUnsafe(LENGTH_BYTES);
  private lengthBytes = 0;
  private partial: Buffer | undefined;
  private partialBytes = 0;
  private announcedBytes = 0;
  private skipBytes = 0;
  private stopped = false;

  /** @param maxFrameBytes largest payload that is kept; default 32 MiB */
  constructor(
    private readonly handlers: FrameHandlers,
    private readonly maxFrameBytes: number = MAX_FRAME_BYTES,
  ) {}

  /** Ends decoding: what is left of the current chunk, and all later ones, are dropped. */
  stop(): void {
    this.stopped = true;
    this.partial = undefined;
  }

  /** True between the first byte of a frame and its last. */
  get isInFrame(): boolean {
    return this.lengthBytes > 0 || this.partial !== undefined || this.skipBytes > 0;
  }

  push(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.length && !this.stopped) {
      if (this.skipBytes > 0) position = this.skip(chunk, position);
      else if (this.partial !== undefined) position = this.fill(this.partial, chunk, position);
      else position = this.begin(chunk, position);
    }
  }

  private begin(chunk: Buffer, position: number): number {
    if (this.lengthBytes === 0 && chunk.length - position >= LENGTH_BYTES) {
      return this.payload(chunk.readUInt32LE(position), chunk, position + LENGTH_BYTES);
    }
    this.length[this.lengthBytes++] = chunk[position] as number;
    if (this.lengthBytes < LENGTH_BYTES) return position + 1;
    this.lengthBytes = 0;
    return this.payload(this.length.readUInt32LE(0), chunk, position + 1);
  }

  private payload(length: number, chunk: Buffer, start: number): number {
    if (length > this.maxFrameBytes) return this.refuse(length, start);
    const end = start + length;
    if (end <= chunk.length) {
      this.handlers.onFrame(chunk.subarray(start, end));
      return end;
    }
    const firstBytes = Math.min(length, Math.max(FIRST_RESERVED_BYTES, chunk.length - start));
    if (this.handlers.admits?.(firstBytes, length) === false) return this.refuse(length, start);
    this.announcedBytes = length;
    this.partial = Buffer.allocUnsafeSlow(firstBytes);
    this.partialBytes = chunk.copy(this.partial, 0, start);
    return chunk.length;
  }

  private refuse(length: number, start: number): number {
    this.skipBytes = length;
    this.handlers.onOversize(length);
    return start;
  }

  private fill(partial: Buffer, chunk: Buffer, position: number): number {
    const space = this.partialBytes < partial.length ? partial : this.grown(partial);
    if (space === undefined) {
      this.partial = undefined;
      this.skipBytes = this.announcedBytes - this.partialBytes;
      this.handlers.onOversize(this.announcedBytes);
      return position;
    }
    const copied = chunk.copy(space, this.partialBytes, position);
    this.partialBytes += copied;
    if (this.partialBytes === this.announcedBytes) {
      this.partial = undefined;
      this.handlers.onFrame(space);
    }
    return position + copied;
  }

  /** Twice the space, but never more than the frame: at its end the frame fills its buffer. Undefined: not admitted. */
  private grown(partial: Buffer): Buffer | undefined {
    const largerBytes = Math.min(this.announcedBytes, partial.length * 2);
    if (this.handlers.admits?.(largerBytes - partial.length, this.announcedBytes) === false) return undefined;
    const larger = Buffer.allocUnsafeSlow(largerBytes);
    partial.copy(larger, 0, 0, this.partialBytes);
    this.partial = larger;
    return larger;
  }

  private skip(chunk: Buffer, position: number): number {
    const skipped = Math.min(this.skipBytes, chunk.length - position);
    this.skipBytes -= skipped;
    return position + skipped;
  }
}
