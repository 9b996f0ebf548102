/** Bodies as clients compress them. */
import * as zlib from 'node:zlib';

/** By the coding that undoes them; `deflate` both as RFC 9110 means it and as some clients send it. */
export const ENCODERS: readonly (readonly [
  coding: string,
  what: string,
  encode: (bytes: Buffer) => Buffer,
])[] = [
  ['gzip', 'gzip', (bytes) => zlib.gzipSync(bytes)],
  ['deflate', 'deflate as zlib frames it', (bytes) => zlib.deflateSync(bytes)],
  ['deflate', 'deflate without a frame', (bytes) => zlib.deflateRawSync(bytes)],
  [
    'br',
    'br',
    (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  ],
  ...zstdEncoder(),
];

function zstdEncoder(): (readonly [string, string, (bytes: Buffer) => Buffer])[] {
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
  return zstdCompressSync ? [['zstd', 'zstd', zstdCompressSync]] : [];
}

/** A megabyte that decodes to a gigabyte. */
export function gigabyteBomb(): Buffer {
  const member = zlib.gzipSync(Buffer.alloc(1024 * 1024));
  return Buffer.concat(Array<Buffer>(1024).fill(member));
}
