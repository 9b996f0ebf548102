/** The outline of zstd frames (RFC 8878): Node decodes one that was cut as if it had ended there. */

const MAGIC = 0xfd2fb528;
/** Magic number and frame header descriptor. */
const FIXED_BYTES = 5;
const SINGLE_SEGMENT = 0x20;
const CHECKSUM = 0x04;
const CHECKSUM_BYTES = 4;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_HEADER_BYTES = 3;
const LAST_BLOCK = 1;
/** Such a block is one byte, to be repeated. */
const RLE_BLOCK = 1;

/** The offset behind the frame that begins the bytes; undefined when they end before it does, or begin with another. */
export function zstdFrameEnd(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = bytes[FIXED_BYTES - 1]!;
  let at = FIXED_BYTES + headerBytes(descriptor);
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return undefined;
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    isLast = (header & LAST_BLOCK) !== 0;
    at += BLOCK_HEADER_BYTES + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3);
  }
  if ((descriptor & CHECKSUM) !== 0) at += CHECKSUM_BYTES;
  return at <= bytes.length ? at : undefined;
}

function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const contentSizeBytes = CONTENT_SIZE_BYTES[(descriptor >> 6) as 0 | 1 | 2 | 3];
  // A single segment has no window size, and always a content size.
  return (
    DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] +
    (isSingleSegment ? Math.max(1, contentSizeBytes) : 1 + contentSizeBytes)
  );
}
