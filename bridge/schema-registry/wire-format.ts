/**
 * How a key or a value says which schema it was written with, as the serializers of all schema registries agree on it:
 * a zero byte, the schema's id as four bytes big-endian, for Protobuf which message of the file it is, then the payload.
 * Newer serializers put the schema's GUID into a record header instead and leave the payload as it is.
 */

/** Not what a reader of schema registries expects. The text names no bytes of the record. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export interface Frame {
  readonly schemaId: number;
  /** Message indexes included, where there are any. */
  readonly payload: Buffer;
}

const MAGIC = 0;
const PREFIX_BYTES = 5;
const MAX_SCHEMA_ID = 0x7fffffff;

const GUID_MAGIC = 1;
const GUID_BYTES = 16;

/** Deeper than anybody nests messages. */
const MAX_INDEXES = 32;
/** The bits of an int32. */
const VARINT_BITS = 32;

/** The five bytes in front of the payload. */
export function framePrefix(schemaId: number): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeInt32BE(schemaId, 1);
  return prefix;
}

/** Undefined for bytes that do not begin like a frame. @throws FrameError for those that do and are none */
export function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes[0] !== MAGIC) return undefined;
  if (bytes.length < PREFIX_BYTES) throw new FrameError(`it has ${bytes.length} bytes, fewer than its frame`);
  const schemaId = bytes.readInt32BE(1);
  if (schemaId < 0) throw new FrameError('its schema id is negative');
  return { schemaId, payload: bytes.subarray(PREFIX_BYTES) };
}

/** What `__value_schema_id` and `__key_schema_id` hold. */
export interface SchemaHeader {
  /** A UUID in lower case. */
  readonly guid: string;
  /** Message indexes; empty where there are none. */
  readonly rest: Buffer;
}

/** @throws FrameError */
export function readSchemaHeader(header: Buffer): SchemaHeader {
  if (header[0] !== GUID_MAGIC || header.length < 1 + GUID_BYTES) {
    throw new FrameError('its schema id header is not a byte 1 and a GUID');
  }
  const hex = header.toString('hex', 1, 1 + GUID_BYTES);
  const guid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  );
  return { guid, rest: header.subarray(1 + GUID_BYTES) };
}

/** A path of positions: of the message among those of the file, then among those inside that message, and so on. */
export type MessagePath = readonly number[];

/** The first message of a file, which almost all are, is the single byte 0. */
export function writeMessagePath(path: MessagePath): Buffer {
  if (path.length === 1 && path[0] === 0) return Buffer.from([0]);
  return Buffer.concat([path.length, ...path].map(zigZagBytes));
}

/** @throws FrameError */
export function readMessagePath(payload: Buffer): { readonly path: MessagePath; readonly payload: Buffer } {
  const reader = new VarintReader(payload);
  const count = reader.next();
  if (count === 0) return { path: [0], payload: payload.subarray(reader.at) };
  if (count < 0 || count > MAX_INDEXES) throw new FrameError('its message indexes are missing or damaged');
  const path: number[] = [];
  for (let left = count; left > 0; left--) {
    const index = reader.next();
    if (index < 0) throw new FrameError('one of its message indexes is negative');
    path.push(index);
  }
  return { path, payload: payload.subarray(reader.at) };
}

/** An id as the registry gives it. */
export function isSchemaId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= MAX_SCHEMA_ID;
}

function zigZagBytes(number: number): Buffer {
  const bytes: number[] = [];
  let rest = ((number << 1) ^ (number >> 31)) >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

class VarintReader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  next(): number {
    let value = 0;
    for (let shift = 0; shift < VARINT_BITS; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new FrameError('it ends inside its message indexes');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new FrameError('one of its message indexes is too large');
  }
}
