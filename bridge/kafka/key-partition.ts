/** The partition of a key, as the client library's `murmur2_random` and Java clients choose it. */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;
const ROTATION = 24;

export function partitionOfKey(key: Buffer | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions;
}

/** As Kafka's Utils.murmur2: 32 bits, signed. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let part = Math.imul(view.getInt32(at, true), MULTIPLIER);
    part = Math.imul(part ^ (part >>> ROTATION), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ part;
  }
  let rest = 0;
  for (let last = length - 1; last >= at; last--) rest = (rest << 8) | (bytes[last] as number);
  if (at < length) hash = Math.imul(hash ^ rest, MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
