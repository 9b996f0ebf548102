/** Records as the rest of the bridge sees them. */

export interface OutgoingRecord {
  readonly topic: string;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  /** A string goes out as UTF-8. Absent and null: the partitioner picks a partition and stays with it for a while. */
  readonly key?: Buffer | string | null;
  /** Absent and null: by key. */
  readonly partition?: number | null;
  /** Duplicates are kept, in order. Values are text without NUL; binary must be encoded by the caller. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

export interface ReceivedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1 when the broker gives none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** A header without a value arrives as empty bytes: the client library cannot tell the two apart. */
  readonly headers: ReadonlyArray<readonly [name: string, value: Buffer]>;
}

/**
 * What a header costs whatever its length: an object, two names for its memory, and that memory. Empty headers are two
 * bytes each on the wire, and would be for nothing in an account of lengths alone.
 */
export const HEADER_COST_BYTES = 400;
const RECORD_COST_BYTES = 500;

/** What a record costs while it is held. */
export function costOf(record: OutgoingRecord | ReceivedRecord): number {
  let bytes = RECORD_COST_BYTES + (record.value?.length ?? 0) + (record.key?.length ?? 0);
  for (const header of record.headers) bytes += HEADER_COST_BYTES + header[0].length + header[1].length;
  return bytes;
}
