/** google.protobuf.Value, Struct and ListValue as plain values: what Kong uses for header maps and contexts. */

import type { ProtoReader } from './wire';
import { MalformedMessage, type ProtoWriter, BYTES, FIXED64, VARINT, tagOf } from './wire';

export type PdkValue = null | boolean | number | string | PdkValue[] | { [name: string]: PdkValue };

const NULL_VALUE = tagOf(1, VARINT);
const NUMBER_VALUE = tagOf(2, FIXED64);
const STRING_VALUE = tagOf(3, BYTES);
const BOOL_VALUE = tagOf(4, VARINT);
const STRUCT_VALUE = tagOf(5, BYTES);
const LIST_VALUE = tagOf(6, BYTES);

const FIELDS = tagOf(1, BYTES);
const LIST_VALUES = tagOf(1, BYTES);
const KEY = tagOf(1, BYTES);
const VALUE = tagOf(2, BYTES);

/** A message without any kind set is null, as Kong means it. */
export function readValue(reader: ProtoReader): PdkValue {
  let value: PdkValue = null;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === STRING_VALUE) value = reader.string();
    else if (tag === LIST_VALUE) value = readList(reader.message());
    else if (tag === NUMBER_VALUE) value = reader.double();
    else if (tag === BOOL_VALUE) value = reader.uint() !== 0;
    else if (tag === STRUCT_VALUE) value = readStruct(reader.message());
    else if (tag === NULL_VALUE) {
      reader.uint();
      value = null;
    } else reader.skip(tag);
  }
  return value;
}

export function readList(reader: ProtoReader): PdkValue[] {
  const values: PdkValue[] = [];
  while (reader.more) {
    const tag = reader.tag();
    if (tag === LIST_VALUES) values.push(readValue(reader.message()));
    else reader.skip(tag);
  }
  return values;
}

/** Without a prototype: a client chooses the names, `__proto__` and `constructor` among them. */
export function readStruct(reader: ProtoReader): Record<string, PdkValue> {
  const struct = Object.create(null) as Record<string, PdkValue>;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIELDS) readField(reader.message(), struct);
    else reader.skip(tag);
  }
  return struct;
}

function readField(reader: ProtoReader, struct: Record<string, PdkValue>): void {
  let name = '';
  let value: PdkValue = null;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === KEY) name = reader.string();
    else if (tag === VALUE) value = readValue(reader.message());
    else reader.skip(tag);
  }
  struct[name] = value;
}

/** For null nothing: Kong takes a value without a kind for nil, and its own null for the text "NULL_VALUE". */
export function writeValue(writer: ProtoWriter, value: PdkValue): void {
  if (value === null) return;
  if (typeof value === 'string') writer.string(STRING_VALUE, value);
  else if (typeof value === 'number') writer.double(NUMBER_VALUE, value);
  else if (typeof value === 'boolean') writer.int(BOOL_VALUE, value ? 1 : 0);
  else if (Array.isArray(value)) writer.message(LIST_VALUE, () => writeList(writer, value));
  else writer.message(STRUCT_VALUE, () => writeStruct(writer, value));
}

export function writeList(writer: ProtoWriter, values: readonly PdkValue[]): void {
  for (const value of values) writer.message(LIST_VALUES, () => writeValue(writer, value));
}

export function writeStruct(writer: ProtoWriter, struct: Readonly<Record<string, PdkValue>>): void {
  for (const name of Object.keys(struct)) {
    writer.message(FIELDS, () => {
      writer.string(KEY, name);
      writer.message(VALUE, () => writeValue(writer, struct[name] as PdkValue));
    });
  }
}

const MAX_DEPTH = 32;

/**
 * What a handler passes, as a value that can travel: undefined members vanish, everything else must be JSON-like.
 * @throws MalformedMessage for functions, symbols, big integers, NaN and cycles
 */
export function toPdkValue(value: unknown, depth = 0): PdkValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) {
    throw new MalformedMessage(`a ${typeof value} cannot be sent to Kong`);
  }
  if (Array.isArray(value)) return value.map((item) => toPdkValue(item, depth + 1));
  // Without a prototype: a name may be `__proto__`.
  const struct = Object.create(null) as Record<string, PdkValue>;
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) struct[name] = toPdkValue(member, depth + 1);
  }
  return struct;
}
