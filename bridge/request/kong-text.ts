/** Text out of Kong's strings, which are bytes: see kong.ts. */

const ASCII_ONLY = /^[\0-\x7f]*$/;
const BEYOND_BYTES = /[^\0-\xff]/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bytes that are UTF-8 are read as UTF-8, others as latin1, so that no byte is lost or replaced. Text that already is
 * text (the stock server decodes it) stays as it is.
 */
export function textFromKong(text: string): string {
  if (ASCII_ONLY.test(text) || BEYOND_BYTES.test(text)) return text;
  return utf8Text(Buffer.from(text, 'latin1')) ?? text;
}

/** The same of an address, in which a byte that is no text has a form of its own. */
export function uriFromKong(uri: string): string {
  if (ASCII_ONLY.test(uri) || BEYOND_BYTES.test(uri)) return uri;
  const percentEncoded = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
  return utf8Text(Buffer.from(uri, 'latin1')) ?? uri.replace(/[\x80-\xff]/g, percentEncoded);
}

/** Undefined when the bytes are not UTF-8. */
export function utf8Text(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
