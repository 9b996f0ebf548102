/** Entries that are too long: clients choose how long an address and headers are. */
import type { JsonObject } from './entry';
import { removeAt } from './selection';

/** In this order, until the record fits. What is left behind them names the request and how it went. */
export const CUT_FIELDS = [
  '/request/querystring',
  '/request/headers',
  '/response/headers',
  '/request/url',
  '/upstream_uri',
  '/request/uri',
  '/tries',
  '/route',
  '/service',
  '/consumer',
] as const;

const CUT_TOKENS = CUT_FIELDS.map((pointer) => pointer.slice(1).split('/'));

/**
 * Takes one field after the other out of the entry.
 * @param print the record of the entry as it is then
 * @returns the first that fits; undefined when none does
 */
export function cutToSize(
  entry: JsonObject,
  maxBytes: number,
  print: (entry: JsonObject) => Buffer,
): Buffer | undefined {
  for (const tokens of CUT_TOKENS) {
    removeAt(entry, tokens);
    const bytes = print(entry);
    if (bytes.length <= maxBytes) return bytes;
  }
  return undefined;
}
