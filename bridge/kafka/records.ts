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
