/** Paths and query strings as Kong and OpenResty read them. All text is latin1, one character per byte. */
import { addToTable } from './headers';
import type { LuaTable } from './lua-value';

const RESERVED = new Set("!#$%&'()*+,/:;=?@[]");

/** Percent-decoded except for reserved characters, dot segments removed, slashes merged. */
export function normalizedPath(rawPath: string): string {
  const decoded = rawPath.replace(/%[0-9a-fA-F]{2}/g, (triplet) => {
    const character = String.fromCharCode(parseInt(triplet.slice(1), 16));
    return RESERVED.has(character) ? triplet.toUpperCase() : character;
  });
  if (!/\/\/|\/\./.test(decoded)) return decoded;
  const segments: string[] = [];
  const parts = decoded.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (part === '..') segments.pop();
    if (part === '.' || part === '..' || part === '') {
      if (isLast) segments.push('');
    } else segments.push(part);
  }
  return `/${segments.join('/')}`;
}

/** An argument without `=` is `true`, a repeated one a list. */
export function queryTable(rawQuery: string, maxArgs: number): LuaTable {
  const table = Object.create(null) as LuaTable;
  if (rawQuery === '') return table;
  for (const part of rawQuery.split('&').slice(0, maxArgs)) {
    const equals = part.indexOf('=');
    const name = unescaped(equals < 0 ? part : part.slice(0, equals));
    if (name === '' && equals < 0) continue;
    addToTable(table, name, equals < 0 ? true : unescaped(part.slice(equals + 1)));
  }
  return table;
}

function unescaped(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%[0-9a-fA-F]{2}/g, (triplet) => String.fromCharCode(parseInt(triplet.slice(1), 16)));
}
