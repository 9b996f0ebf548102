/** Text with values of the entry in it: `orders.$(/service/name)`. No code, no escapes. */
import { atPointer, parseJsonPointer } from '../request/json-pointer';
import type { Json, JsonObject } from './entry';

/** What a template becomes for an entry; undefined where a value is missing that is all there is. */
export type Template = (entry: JsonObject) => Json | undefined;

const PLACEHOLDER = /\$\(([^()]*)\)/g;

/** What is wrong with the text of a template, or undefined. */
export function templateComplaint(text: string): string | undefined {
  const bad = [...text.matchAll(PLACEHOLDER)].find(([, pointer = '']) => !isEntryPointer(pointer));
  if (bad) return `has ${bad[0]}, and between the brackets must be a JSON pointer such as /request/id`;
  return text.replaceAll(PLACEHOLDER, '').includes('$(') ? 'has a $( without its )' : undefined;
}

/** A pointer to the whole entry would put it into itself. */
function isEntryPointer(pointer: string): boolean {
  return pointer !== '' && parseJsonPointer(pointer) !== undefined;
}

/**
 * A template that is one placeholder and nothing else becomes the value itself, number or object. In any other one
 * values become text, and those that are missing become nothing.
 * @param text one without a complaint
 */
export function template(text: string): Template {
  const pointers = [...text.matchAll(PLACEHOLDER)].map(([, pointer = '']) => parseJsonPointer(pointer) ?? []);
  const [first] = pointers;
  if (first === undefined) return () => text;
  const texts = text.split(/\$\([^()]*\)/);
  if (pointers.length === 1 && texts.every((part) => part === '')) {
    return (entry) => atPointer(entry, first) as Json | undefined;
  }
  return (entry) =>
    texts
      .map((part, index) => {
        const tokens = pointers[index];
        return tokens === undefined ? part : part + textOf(atPointer(entry, tokens) as Json | undefined);
      })
      .join('');
}

/** Numbers and objects as JSON writes them. */
export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
