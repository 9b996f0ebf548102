/** Content codings (RFC 9110, 8.4.1): what the bytes of a body have been put through on their way. */

/** Of all that are registered, those that anybody sends. */
export const CONTENT_CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
export type ContentCoding = (typeof CONTENT_CODINGS)[number];

/**
 * The codings a Content-Encoding header names, in the order they were applied and in lower case. `identity` is none,
 * and `x-gzip` an old word for gzip.
 */
export function codingsOf(contentEncoding: string): string[] {
  return contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity')
    .map((coding) => (coding === 'x-gzip' ? 'gzip' : coding));
}

export function isContentCoding(coding: string): coding is ContentCoding {
  return (CONTENT_CODINGS as readonly string[]).includes(coding);
}
