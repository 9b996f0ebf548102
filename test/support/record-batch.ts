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
  return batchOf(Buffer.concat(records.map(encodeRecord)), records.length);
}

/** In the lowest bits of a batch's attributes. */
export const GZIP = 1;

/** @param encoded the records of the batch one behind the other, compressed as `compression` says */
export function batchOf(encoded: Buffer, count: number, compression = 0): Buffer {
  const nowMs = Date.now();
  const checked = Buffer.concat([
    int16(compression), // no transaction
    int32(count - 1),
    int64(nowMs),
    int64(nowMs),
    int64(NO_PRODUCER),
    int16(NO_PRODUCER),
    int32(NO_PRODUCER),
    int32(count),
    encoded,
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

export function encodeRecord({ key = null, value = null, headers = [] }: RawRecord, index: number): Buffer {
  const body = Buffer.concat([
    int8(0),
    varint(0),
    varint(index),
    sized(key),
    sized(value),
    varint(headers.length),
    ...headers.flatMap(encodeHeader),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** What stands before and behind the value of a record, for one that is too large to be laid out. */
export function recordAround(
  valueBytes: number,
  headers: NonNullable<RawRecord['headers']>,
): [before: Buffer, behind: Buffer] {
  const before = Buffer.concat([int8(0), varint(0), varint(0), sized(null), varint(valueBytes)]);
  const behind = Buffer.concat([varint(headers.length), ...headers.flatMap(encodeHeader)]);
  return [Buffer.concat([varint(before.length + valueBytes + behind.length), before]), behind];
}

function encodeHeader([name, value]: readonly [string, Buffer | null]): Buffer[] {
  return [sized(Buffer.from(name)), sized(value)];
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
