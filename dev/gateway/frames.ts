/** Frames of ProtoBuf:1: an unsigned 32-bit little-endian length, then that many bytes. */

const LENGTH_BYTES = 4;

export function frame(payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  out.writeUInt32LE(payload.length, 0);
  out.set(payload, LENGTH_BYTES);
  return out;
}

/** Cuts a byte stream into frames, however its chunks fall. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #neededBytes = LENGTH_BYTES;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
  }

  get isEmpty(): boolean {
    return this.#bufferedBytes === 0;
  }

  next(): Buffer | undefined {
    if (this.#bufferedBytes < this.#neededBytes) return undefined;
    // Joined only when a whole frame is here, so that a big body costs one copy.
    const data = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const end = LENGTH_BYTES + data.readUInt32LE(0);
    if (data.length < end) {
      this.#chunks = [data];
      this.#neededBytes = end;
      return undefined;
    }
    this.#neededBytes = LENGTH_BYTES;
    this.#bufferedBytes = data.length - end;
    this.#chunks = this.#bufferedBytes > 0 ? [data.subarray(end)] : [];
    return data.subarray(LENGTH_BYTES, end);
  }
}
