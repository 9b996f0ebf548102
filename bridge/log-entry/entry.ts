/**
 * Kong's log entry: what `kong.log.serialize` answers, and what its HTTP Log plugin posts.
 *
 * It is bytes, not text: a header with a byte of latin1 is in it as it came. Whoever reads the topic shall never meet
 * JSON that is not UTF-8, so such an entry is read byte by byte, as request headers are.
 */
import { isUtf8 } from 'node:buffer';
import { textFromKong } from '../request/kong-text';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

/** Undefined for what is no JSON object. */
export function readEntry(bytes: Buffer): JsonObject | undefined {
  const entry = readJson(bytes);
  return isObject(entry) ? entry : undefined;
}

/** Undefined for what is no JSON. */
export function readJson(bytes: Buffer): Json | undefined {
  try {
    if (isUtf8(bytes)) return JSON.parse(bytes.toString('utf8')) as Json;
    return JSON.parse(bytes.toString('latin1'), (_, value: Json) =>
      typeof value === 'string' ? textFromKong(value) : value,
    ) as Json;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member of that name, where it is an object. */
export function objectIn(entry: JsonObject, name: string): JsonObject | undefined {
  const value = entry[name];
  return Object.hasOwn(entry, name) && isObject(value) ? value : undefined;
}

/** An own member, whatever its name is. */
export function setMember(object: JsonObject, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else object[name] = value;
}
