/** Parts of an entry, by JSON pointers. */
import { atPointer } from '../request/json-pointer';
import { isObject, setMember, type Json, type JsonObject } from './entry';

/** A new entry with these parts only; a part that is not there is none of it. */
export function including(entry: JsonObject, pointers: readonly (readonly string[])[]): JsonObject {
  const selected: JsonObject = {};
  for (const tokens of pointers) {
    const value = atPointer(entry, tokens) as Json | undefined;
    if (value !== undefined) setAt(selected, tokens, value);
  }
  return selected;
}

/** Removes it where it is. Changes the entry. */
export function removeAt(entry: JsonObject, tokens: readonly string[]): void {
  const parent = atPointer(entry, tokens.slice(0, -1));
  const last = tokens.at(-1);
  if (isObject(parent) && last !== undefined) delete parent[last];
}

/** Sets it, and makes the objects on the way; what is no object there becomes one. Changes the entry. */
export function setAt(entry: JsonObject, tokens: readonly string[], value: Json): void {
  let object = entry;
  for (const token of tokens.slice(0, -1)) {
    const inner = Object.hasOwn(object, token) ? object[token] : undefined;
    const next = isObject(inner) ? inner : {};
    if (next !== inner) setMember(object, token, next);
    object = next;
  }
  const last = tokens.at(-1);
  if (last !== undefined) setMember(object, last, value);
}
