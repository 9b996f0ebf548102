/** The body of a reply as a value inside of JSON. */
import type { HttpAnswer } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';

/** Strict: bytes that are not UTF-8 are an error. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * JSON as it is, not printed again: large numbers keep their digits. Other text becomes a JSON string, and nothing null.
 * @returns undefined for what is no text, is encoded, or is nested deeper than a reader may bear
 */
export function embeddedJson({ body, headers }: Pick<HttpAnswer, 'body' | 'headers'>): string | undefined {
  if (body.length === 0) return 'null';
  if (headers['content-encoding'] !== undefined) return undefined;
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    return undefined;
  }
  if (isDeeperThan(body, MAX_JSON_DEPTH)) return undefined;
  return isJson(text) ? text : JSON.stringify(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
