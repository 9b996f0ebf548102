/**
 * Record batches as Kafka stores them (message format 2), byte by byte: a hundred thousand records take a moment this
 * way, and headers may hold what the client library cannot send, such as no value or any bytes.
 */
import { int16, int32, int64, int8 } from '../../dev/kafka/protocol-bytes';

export interface RawRecord {
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: ReadonlyArray<readonly [name: string, value: Buffer | null]>;
}

const NO_PRODUCER = -1;
/** Magic byte and the checksum itself come before what the checksum covers. */
const CHECKED_FROM = 21;

export function recordBatch(records: readonly RawRecord[]): Buffer {
  const nowMs = Date.now();
  const checked = Buffer.concat([
    int16(0), // no compression, no transaction
    int32(records.length - 1),
    int64(nowMs),
    int64(nowMs),
    int64(NO_PRODUCER),
    int16(NO_PRODUCER),
    int32(NO_PRODUCER),
    int32(records.length),
    ...records.map(encodeRecord),
  ]);
  const leaderEpochMagicAndChecksum = 9;
  const head = [int64(0), int32(leaderEpochMagicAndChecksum + checked.length), int32(-1), int8(2)];
  return withChecksum(Buffer.concat([...head, int32(0), checked]));
}

/** To be called again after a change of the bytes; changes them in place. */
export function withChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), CHECKED_FROM - 4);
  return batch;
}

function encodeRecord({ key = null, value = null, headers = [] }: RawRecord, index: number): Buffer {
  const body = Buffer.concat([
    int8(0),
    varint(0),
    varint(index),
    sized(key),
    sized(value),
    varint(headers.length),
    ...headers.flatMap(([name, bytes]) => [sized(Buffer.from(name)), sized(bytes)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** Null has the length -1. */
function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

/** Zigzag, seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Castagnoli's polynomial, reversed. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
