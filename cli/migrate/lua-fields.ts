/** The fields that Kong's logging plugins compute with Lua, as far as they can be had without. */
import { RefusedValue } from './option-rules';

export const FORBIDDEN_LUA = 'other Lua is left out';

const TEXT = /^\s*return\s+(?:"([^"\\]*)"|'([^'\\]*)')\s*;?\s*$/;
const NUMBER = /^\s*return\s+(-?\d+(?:\.\d+)?|true|false)\s*;?\s*$/;
const NOTHING = /^\s*return(?:\s+nil)?\s*;?\s*$/;
const REQUEST_HEADER = /^\s*return\s+kong\.request\.get_header\(\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\)\s*;?\s*$/;

/** One by one: a field that needs Lua does not keep the others from being carried over. */
export function fieldsWithoutLua(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const fields: Record<string, string> = {};
  const lost: string[] = [];
  for (const [name, lua] of Object.entries(value)) {
    const text = typeof lua === 'string' ? fieldOf(lua) : undefined;
    if (text === undefined) lost.push(name);
    else fields[name] = text;
  }
  if (lost.length === 0) return fields;
  throw new PartlyRefused(fields, `${lost.join(', ')}: this Lua has no equal`);
}

/** With what could be carried over. */
export class PartlyRefused extends RefusedValue {
  constructor(
    readonly rest: unknown,
    reason: string,
  ) {
    super(reason);
  }
}

function fieldOf(lua: string): string | undefined {
  const [, text, other] = TEXT.exec(lua) ?? [];
  const fixed = text ?? other;
  // Empty text would remove the field, and `$(` is a pointer here.
  if (fixed !== undefined) return fixed === '' || fixed.includes('$(') ? undefined : fixed;
  const [, number] = NUMBER.exec(lua) ?? [];
  if (number !== undefined) return number;
  if (NOTHING.test(lua)) return '';
  const [, name, otherName] = REQUEST_HEADER.exec(lua) ?? [];
  const header = name ?? otherName;
  return header === undefined
    ? undefined
    : `$(/request/headers/${header.toLowerCase().replaceAll('~', '~0').replaceAll('/', '~1')})`;
}
