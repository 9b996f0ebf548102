/** Header lines in order of arrival, with Kong's rules for looking them up and changing them. */
import type { LuaTable, LuaValue } from './lua-value';

interface HeaderLine {
  readonly name: string;
  readonly key: string;
  readonly value: string;
}

export class HeaderList {
  #lines: HeaderLine[] = [];

  /** From node's flat list of names and values, which are latin1 text already. */
  static fromRaw(rawHeaders: readonly string[]): HeaderList {
    const list = new HeaderList();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) list.add(rawHeaders[i]!, rawHeaders[i + 1]!);
    return list;
  }

  get size(): number {
    return this.#lines.length;
  }

  add(name: string, value: string): void {
    this.#lines.push({ name, key: name.toLowerCase(), value });
  }

  set(name: string, values: readonly string[]): void {
    this.delete(name);
    for (const value of values) this.add(name, value);
  }

  delete(name: string): void {
    const key = name.toLowerCase();
    this.#lines = this.#lines.filter((line) => line.key !== key);
  }

  values(name: string): string[] {
    const key = name.toLowerCase();
    return this.#lines.filter((line) => line.key === key).map((line) => line.value);
  }

  /** The first line. OpenResty falls back from the name as given to one with `-` for `_`. */
  first(name: string): string | undefined {
    const key = name.toLowerCase();
    const dashed = key.replaceAll('_', '-');
    let fallback: string | undefined;
    for (const line of this.#lines) {
      if (line.key === key) return line.value;
      if (fallback === undefined && line.key === dashed) fallback = line.value;
    }
    return fallback;
  }

  /** Lower-case names; one line is a string, several are a list. `_` and `-` stay different names. */
  toTable(maxLines: number): LuaTable {
    const table = Object.create(null) as LuaTable;
    for (const { key, value } of this.#lines.slice(0, maxLines)) addToTable(table, key, value);
    return table;
  }

  toRaw(): string[] {
    return this.#lines.flatMap((line) => [line.name, line.value]);
  }
}

export function addToTable(table: LuaTable, key: string, value: LuaValue): void {
  const present = table[key];
  if (present === undefined) table[key] = value;
  else if (Array.isArray(present)) present.push(value);
  else table[key] = [present, value];
}

/** Any byte that could end a header line early, and the other control characters, percent-encoded as nginx does. */
export function safeHeaderValue(value: string): string {
  const safe = value.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, percentEncoded);
  // Kong sends an empty value as one blank.
  return safe === '' ? ' ' : safe;
}

export function safeHeaderName(name: string): string {
  return name.replaceAll('_', '-').replace(/[^!#$%&'*+.^`|~0-9A-Za-z-]/g, percentEncoded);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
