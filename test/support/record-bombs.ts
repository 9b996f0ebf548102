/** Batches of replies that are small on their way to a reader and large in its memory. Nobody waits for any of them. */
import { once } from 'node:events';
import { createGzip, gzipSync } from 'node:zlib';
import { batchOf, encodeRecord, GZIP, recordAround, recordBatch, type RawRecord } from './record-batch';

const MEGABYTE = Buffer.alloc(1024 * 1024);
const ID: readonly [string, Buffer] = [
  'kafka_correlationId',
  Buffer.from('00000000-0000-4000-8000-000000000000'),
];
const EMPTY_HEADER: readonly [string, Buffer] = ['', Buffer.alloc(0)];

/** Two bytes each on the wire, some four hundred in memory. */
const RECORD_OF_50_000_HEADERS: RawRecord = {
  headers: new Array<typeof EMPTY_HEADER>(50_000).fill(EMPTY_HEADER),
};

/** One record with a value of zeros, which is a thousandth of that size when it travels. */
export async function gzipOfOneValue(megabytes: number): Promise<Buffer> {
  const [before, behind] = recordAround(megabytes * MEGABYTE.length, [ID]);
  const gzip = createGzip({ level: 9 });
  const compressed: Buffer[] = [];
  gzip.on('data', (part: Buffer) => compressed.push(part));
  const write = (part: Buffer) => new Promise<void>((written) => gzip.write(part, () => written()));
  await write(before);
  for (let count = 0; count < megabytes; count++) await write(MEGABYTE);
  await write(behind);
  gzip.end();
  await once(gzip, 'end');
  return batchOf(Buffer.concat(compressed), 1, GZIP);
}

/** Many records of a megabyte each in one batch. */
export function gzipOfManyValues(count: number): Buffer {
  const record = (_: unknown, index: number) => encodeRecord({ value: MEGABYTE, headers: [ID] }, index);
  return batchOf(gzipSync(Buffer.concat(Array.from({ length: count }, record))), count, GZIP);
}

/** 700 KB: brokers take 1 MB. */
export function sevenTimesManyHeaders(): Buffer {
  return recordBatch(new Array<RawRecord>(7).fill(RECORD_OF_50_000_HEADERS));
}

export function gzipOfManyHeaders(count: number): Buffer {
  const record = (_: unknown, index: number) => encodeRecord(RECORD_OF_50_000_HEADERS, index);
  return batchOf(gzipSync(Buffer.concat(Array.from({ length: count }, record))), count, GZIP);
}

/** As large as a record may be where a broker has its defaults. */
export function oneLargeValue(): Buffer {
  return recordBatch([{ value: MEGABYTE.subarray(0, 1_000_000), headers: [ID] }]);
}
