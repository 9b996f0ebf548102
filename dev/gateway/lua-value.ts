/**
 * Values as Kong's Lua sees them. A string is a row of bytes, held here as latin1 text (one character per byte),
 * so that nothing between the client and the plugin server re-encodes what came off the wire.
 */
export type LuaValue =
  undefined | null | boolean | number | string | Uint8Array | LuaValue[] | { [key: string]: LuaValue };

export type LuaTable = { [key: string]: LuaValue };

/** A Lua error raised inside Kong: the client gets a 500, the plugin server hears nothing. */
export class LuaError extends Error {}

export function isTable(value: unknown): value is LuaTable {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

export function bytesOf(value: string | Uint8Array): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

export function textOf(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : bytesOf(value).toString('latin1');
}

/** UTF-8 text (from a YAML file, say) as Lua holds it: its bytes. */
export function luaString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
