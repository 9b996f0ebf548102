/**
 * A plugin's schema as the schema.lua that Konnect wants of a custom plugin: the same tree that is in the dump, as a Lua
 * table. Konnect loads nothing but Kong's typedefs, and no function of our own.
 */

type Tree = { readonly [name: string]: unknown };

/** @param schema of a dump */
export function luaSchema(schema: Tree, plugin: string): string {
  return `-- Schema of ${plugin}, for Konnect and for hybrid control planes. Generated: kong-kafka schema --lua
local typedefs = require "kong.db.schema.typedefs"
local null = ngx.null

return ${lua(schema, 0)}
`;
}

function lua(value: unknown, depth: number): string {
  if (Array.isArray(value))
    return block(
      value.map((item) => lua(item, depth + 1)),
      depth,
    );
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (isNoConsumer(value as Tree)) return 'typedefs.no_consumer';
      return block(
        Object.entries(value).map(([name, member]) => `${key(name)} = ${lua(member, depth + 1)}`),
        depth,
      );
    default:
  }
  throw new Error(`a schema cannot hold ${String(value)}`);
}

/** What Kong's own schemas say by a typedef. */
function isNoConsumer({ type, reference, eq, ...others }: Tree): boolean {
  return type === 'foreign' && reference === 'consumers' && eq === null && Object.keys(others).length === 0;
}

const ONE_LINE = 100;

function block(items: readonly string[], depth: number): string {
  const line = `{ ${items.join(', ')} }`;
  if (items.length === 0) return '{}';
  if (line.length <= ONE_LINE && !line.includes('\n')) return line;
  const indent = '  '.repeat(depth);
  return `{\n${items.map((item) => `${indent}  ${item},`).join('\n')}\n${indent}}`;
}

const WORDS = new Set('and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(' ')); // prettier-ignore

const key = (name: string): string =>
  /^[A-Za-z_]\w*$/.test(name) && !WORDS.has(name) ? name : `[${text(name)}]`;

/** Lua 5.1 takes bytes as they are; only what would end the text is written in numbers. */
function text(value: string): string {
  const escaped = value.replace(/["\\\r\n\0]/g, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`;
  });
  return `"${escaped}"`;
}
