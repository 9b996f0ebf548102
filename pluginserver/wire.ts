/**
 * The few pieces of the protobuf wire format that Kong's plugin protocol needs.
 *
 * Laid by hand, because a reflection library costs a third of the server's CPU per request and insists on
 * UTF-8, while Kong puts raw header bytes into `string` fields: every string is bytes here, seen as latin1.
 */

/** A payload that is not the message it should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

/** Field number and wire type as they stand before each field. */
export function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

const MAX_VARINT_BYTES = 10;
const MAX_NESTING = 64;

/** Reads one message. Readers branch on whole tags, so a field of an unexpected wire type is skipped too. */
export class ProtoReader {
  constructor(
    private readonly buffer: Buffer,
    private position = 0,
    private readonly end = buffer.length,
    private readonly depth = 0,
  ) {}

  get more(): boolean {
    return this.position < this.end;
  }

  tag(): number {
    const tag = this.uint();
    if (tag < 8) throw new MalformedMessage('field number 0');
    return tag;
  }

  /** Exact up to 2^53. */
  uint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let count = 1; count < MAX_VARINT_BYTES; count++) {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new MalformedMessage('a varint longer than 10 bytes');
  }

  /** int32 and int64 as a number: exact within ±2^53. */
  int(): number {
    const start = this.position;
    const value = this.uint();
    return Number.isSafeInteger(value) ? value : this.wideInt(start);
  }

  double(): number {
    const start = this.advance(8);
    return this.buffer.readDoubleLE(start);
  }

  string(): string {
    const length = this.uint();
    const start = this.advance(length);
    return this.buffer.toString('latin1', start, start + length);
  }

  /** A view into the payload; copy it to keep it. */
  bytes(): Buffer {
    const length = this.uint();
    const start = this.advance(length);
    return this.buffer.subarray(start, start + length);
  }

  message(): ProtoReader {
    if (this.depth >= MAX_NESTING) throw new MalformedMessage(`nested deeper than ${MAX_NESTING}`);
    const length = this.uint();
    const start = this.advance(length);
    return new ProtoReader(this.buffer, start, start + length, this.depth + 1);
  }

  skip(tag: number): void {
    switch (tag % 8) {
      case VARINT:
        this.uint();
        return;
      case FIXED64:
        this.advance(8);
        return;
      case BYTES:
        this.advance(this.uint());
        return;
      case FIXED32:
        this.advance(4);
        return;
      default:
        throw new MalformedMessage(`wire type ${tag % 8}`);
    }
  }

  private byte(): number {
    if (this.position >= this.end) throw new MalformedMessage('the message ends inside a field');
    return this.buffer[this.position++] as number;
  }

  private advance(length: number): number {
    const start = this.position;
    if (length > this.end - start) throw new MalformedMessage('a field is longer than its message');
    this.position = start + length;
    return start;
  }

  /** Negative numbers travel as 64-bit two's complement, which a double cannot hold on the way. */
  private wideInt(start: number): number {
    let value = 0n;
    for (let index = start; index < this.position; index++) {
      value |= BigInt((this.buffer[index] as number) & 0x7f) << BigInt(7 * (index - start));
    }
    return Number(BigInt.asIntN(64, value));
  }
}

const LENGTH_PREFIX_BYTES = 4;
const INITIAL_BYTES = 4096;
/** One huge message must not keep its scratch space for the life of the process. */
const KEPT_BYTES = 64 * 1024;

/**
 * Writes one frame (uint32 little-endian length, then the message) into scratch space that all frames share.
 * `frame` starts a new one, `finish` hands out a copy.
 */
export class ProtoWriter {
  private buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  private lengthAt = 0;
  private position = LENGTH_PREFIX_BYTES;

  /** @param before complete frames that go out in front of it, in the same buffer */
  frame(before?: Uint8Array): this {
    this.lengthAt = 0;
    this.position = LENGTH_PREFIX_BYTES;
    if (before !== undefined) {
      this.lengthAt = before.length;
      this.reserve(before.length);
      this.buffer.set(before, 0);
      this.position += before.length;
    }
    return this;
  }

  /** @param trailingBytes bytes that the caller sends after this frame's bytes and that belong to it */
  finish(trailingBytes = 0): Buffer {
    const lengthBytes = this.position - this.lengthAt - LENGTH_PREFIX_BYTES + trailingBytes;
    this.buffer.writeUInt32LE(lengthBytes, this.lengthAt);
    return this.take(0);
  }

  /** What was written since `frame`, without a length: the tail of a frame sent in parts. */
  finishWithoutLength(): Buffer {
    return this.take(LENGTH_PREFIX_BYTES);
  }

  uint(value: number): void {
    this.reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.position++] = rest;
  }

  int(tag: number, value: number): void {
    this.uint(tag);
    if (value >= 0) {
      this.uint(value);
      return;
    }
    this.reserve(MAX_VARINT_BYTES);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.buffer[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  double(tag: number, value: number): void {
    this.uint(tag);
    this.reserve(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  /** Characters up to U+00FF are bytes; a string with others was meant as text and is sent as UTF-8. */
  string(tag: number, value: string): void {
    this.uint(tag);
    const encoding = isByteString(value) ? 'latin1' : 'utf8';
    const length = encoding === 'latin1' ? value.length : Buffer.byteLength(value);
    this.uint(length);
    this.reserve(length);
    this.position += this.buffer.write(value, this.position, encoding);
  }

  bytes(tag: number, value: Uint8Array): void {
    this.uint(tag);
    this.uint(value.length);
    this.reserve(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  /** Writes a nested message; its length is known only afterwards, so a long one is moved up. */
  message(tag: number, write: () => void): void {
    this.uint(tag);
    this.reserve(1);
    const lengthAt = this.position++;
    write();
    const length = this.position - lengthAt - 1;
    if (length < 0x80) {
      this.buffer[lengthAt] = length;
      return;
    }
    const extra = varintBytes(length) - 1;
    this.reserve(extra);
    this.buffer.copyWithin(lengthAt + 1 + extra, lengthAt + 1, this.position);
    const end = this.position + extra;
    this.position = lengthAt;
    this.uint(length);
    this.position = end;
  }

  private take(from: number): Buffer {
    const taken = Buffer.allocUnsafe(this.position - from);
    this.buffer.copy(taken, 0, from, this.position);
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    return taken;
  }

  private reserve(count: number): void {
    const needed = this.position + count;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }
}

function isByteString(value: string): boolean {
  return !/[^\x00-\xff]/.test(value);
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}
