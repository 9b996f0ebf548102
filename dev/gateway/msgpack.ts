/**
 * MessagePack as Kong's Lua writes and reads it. Strings are rows of bytes in both directions, which the usual
 * JavaScript packages cannot do: they insist on UTF-8.
 */
import { bytesOf, LuaError, type LuaTable, type LuaValue } from './lua-value';

/** A value to be written as `bin`; Kong marks request bodies so. */
export class Binary {
  constructor(readonly bytes: Uint8Array) {}
}

/** An empty table to be written as a map; a plain one is a list. */
export const EMPTY_MAP = Symbol('empty map');

export type Packable = LuaValue | Binary | typeof EMPTY_MAP | Packable[] | { [key: string]: Packable };

export function pack(value: Packable): Buffer {
  const parts: Buffer[] = [];
  packInto(value, parts);
  return Buffer.concat(parts);
}

function packInto(value: Packable, parts: Buffer[]): void {
  if (value === undefined || value === null) parts.push(Buffer.of(0xc0));
  else if (value === EMPTY_MAP) parts.push(Buffer.of(0x80));
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number') parts.push(packNumber(value));
  else if (typeof value === 'string' || value instanceof Uint8Array) packText(bytesOf(value), parts);
  else if (value instanceof Binary) packBinary(value.bytes, parts);
  else if (Array.isArray(value)) {
    parts.push(sized(value.length, 0x90, 15, undefined, 0xdc, 0xdd));
    for (const item of value) packInto(item, parts);
  } else if (typeof value === 'object') packTable(value, parts);
}

function packTable(table: Record<string, Packable>, parts: Buffer[]): void {
  const members = Object.entries(table).filter(([, member]) => member !== undefined && member !== null);
  // lua-MessagePack takes an empty table for a list.
  if (members.length === 0) return void parts.push(Buffer.of(0x90));
  parts.push(sized(members.length, 0x80, 15, undefined, 0xde, 0xdf));
  for (const [key, member] of members) {
    packText(bytesOf(key), parts);
    packInto(member, parts);
  }
}

function packText(bytes: Buffer, parts: Buffer[]): void {
  parts.push(sized(bytes.length, 0xa0, 31, 0xd9, 0xda, 0xdb), bytes);
}

function packBinary(bytes: Uint8Array, parts: Buffer[]): void {
  parts.push(sized(bytes.length, 0, -1, 0xc4, 0xc5, 0xc6), bytesOf(bytes));
}

function sized(
  size: number,
  short: number,
  shortMax: number,
  head8: number | undefined,
  head16: number,
  head32: number,
): Buffer {
  if (size <= shortMax) return Buffer.of(short | size);
  if (head8 !== undefined && size <= 0xff) return Buffer.of(head8, size);
  if (size <= 0xffff) return Buffer.of(head16, size >> 8, size & 0xff);
  const head = Buffer.alloc(5);
  head[0] = head32;
  head.writeUInt32BE(size, 1);
  return head;
}

function packNumber(value: number): Buffer {
  if (!Number.isSafeInteger(value)) return packDouble(value);
  if (value >= 0) {
    if (value <= 0x7f) return Buffer.of(value);
    if (value <= 0xff) return Buffer.of(0xcc, value);
    if (value <= 0xffff) return Buffer.of(0xcd, value >> 8, value & 0xff);
    return value <= 0xffffffff ? packUnsigned32(value) : packSigned64(value);
  }
  if (value >= -32) return Buffer.of(value & 0xff);
  return packSigned64(value);
}

function packUnsigned32(value: number): Buffer {
  const out = Buffer.alloc(5);
  out[0] = 0xce;
  out.writeUInt32BE(value, 1);
  return out;
}

function packSigned64(value: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = 0xd3;
  out.writeBigInt64BE(BigInt(value), 1);
  return out;
}

function packDouble(value: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = 0xcb;
  out.writeDoubleBE(value, 1);
  return out;
}

class Incomplete extends Error {}

/** Cuts a byte stream into MessagePack values, however its chunks fall. */
export class Unpacker {
  #data: Buffer = Buffer.alloc(0);
  #at = 0;

  push(chunk: Buffer): void {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
  }

  /** The next whole value, or nothing yet. Throws a `LuaError` on bytes that are no MessagePack. */
  next(): { readonly value: LuaValue } | undefined {
    if (this.#data.length === 0) return undefined;
    this.#at = 0;
    try {
      const value = this.#value();
      this.#data = this.#data.subarray(this.#at);
      return { value };
    } catch (error) {
      if (error instanceof Incomplete) return undefined;
      throw error;
    }
  }

  #take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#data.length) throw new Incomplete();
    const taken = this.#data.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #value(): LuaValue {
    const head = this.#take(1)[0]!;
    if (head <= 0x7f) return head;
    if (head <= 0x8f) return this.#map(head & 0x0f);
    if (head <= 0x9f) return this.#array(head & 0x0f);
    if (head <= 0xbf) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#longValue(head);
  }

  #longValue(head: number): LuaValue {
    switch (head) {
      case 0xc0:
        return undefined;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xd9:
        return this.#text(this.#take(1)[0]!);
      case 0xc5:
      case 0xda:
        return this.#text(this.#take(2).readUInt16BE());
      case 0xc6:
      case 0xdb:
        return this.#text(this.#take(4).readUInt32BE());
      case 0xca:
        return this.#take(4).readFloatBE();
      case 0xcb:
        return this.#take(8).readDoubleBE();
      case 0xcc:
        return this.#take(1)[0]!;
      case 0xcd:
        return this.#take(2).readUInt16BE();
      case 0xce:
        return this.#take(4).readUInt32BE();
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE());
      case 0xd0:
        return this.#take(1).readInt8();
      case 0xd1:
        return this.#take(2).readInt16BE();
      case 0xd2:
        return this.#take(4).readInt32BE();
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE());
      case 0xdc:
        return this.#array(this.#take(2).readUInt16BE());
      case 0xdd:
        return this.#array(this.#take(4).readUInt32BE());
      case 0xde:
        return this.#map(this.#take(2).readUInt16BE());
      case 0xdf:
        return this.#map(this.#take(4).readUInt32BE());
      default:
        throw new LuaError(`MessagePack: unpack '0x${head.toString(16)}' is unimplemented`);
    }
  }

  /** Lua has one kind of string: `str` and `bin` arrive alike. */
  #text(size: number): string {
    return this.#take(size).toString('latin1');
  }

  #array(size: number): LuaValue[] {
    const items: LuaValue[] = [];
    for (let i = 0; i < size; i += 1) items.push(this.#value());
    return items;
  }

  #map(size: number): LuaTable {
    const table = Object.create(null) as LuaTable;
    for (let i = 0; i < size; i += 1) {
      const key = this.#value();
      if (typeof key !== 'string' && typeof key !== 'number') throw new LuaError('a table key of no use');
      table[key] = this.#value();
    }
    return table;
  }
}
