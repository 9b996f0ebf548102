/**
 * Protobuf: its own JSON, as its specification has it, with 64-bit integers as text, bytes as base64 and the well-known
 * types in their short forms. In front of the bytes of a message stands which message of the file it is.
 */
import {
  createFileRegistry,
  fromBinary,
  fromJson,
  ScalarType,
  toBinary,
  toJson,
  type DescField,
  type DescMessage,
  type FileRegistry,
  type JsonValue,
} from '@bufbuild/protobuf';
import type { SchemaText } from '../registered-schema';
import { FrameError, readMessagePath, writeMessagePath, type MessagePath } from '../wire-format';
import {
  isJsonObject,
  kindOf,
  MAX_DECODED_CHARACTERS,
  MAX_JSON_DEPTH,
  Mismatch,
  tooMuchJson,
  Undecodable,
  UnusableSchema,
  type Codec,
} from './codec';
import { exactValue } from './exact-json';
import { hasTooManyMessages } from './protobuf-count';
import { MAIN_FILE, protobufFiles } from './protobuf-files';

/**
 * @param messageName full name of the message that is written; undefined: the first of the file
 * @throws UnusableSchema
 */
export function protobufCodec(schema: SchemaText, messageName: string | undefined): Codec {
  const registry = registryOf(schema);
  const messages = topMessages(registry);
  const path = messageName === undefined ? [0] : pathOf(messages, messageName);
  const written = path && messageAt(messages, path);
  if (!path || !written)
    throw new UnusableSchema(
      messageName === undefined ? 'it has no message' : `it has no message ${messageName}`,
    );
  const prefix = writeMessagePath(path);
  const options = { registry, ignoreUnknownFields: false, recursionLimit: MAX_JSON_DEPTH };
  return {
    encode: (json) => {
      const value = exactValue(json, numberOrBigint) as JsonValue;
      try {
        return Buffer.concat([prefix, toBinary(written, fromJson(written, value, options))]);
      } catch {
        // Its own error quotes the value.
        throw mismatchIn(written, value, (message, part) => fits(message, part, options));
      }
    },
    decode: (bytes, { besideGuid, maxCharacters = MAX_DECODED_CHARACTERS } = {}) => {
      const { path: read, payload } = framed(bytes, besideGuid);
      const message = messageAt(messages, read);
      if (!message)
        throw new Undecodable('its message indexes are missing, or lead to no message of its schema');
      if (hasTooManyMessages(message, payload))
        throw new Undecodable('it has too many messages for its size');
      let json: JsonValue;
      try {
        const readOptions = { readUnknownFields: false, recursionLimit: MAX_JSON_DEPTH };
        json = toJson(message, fromBinary(message, payload, readOptions), { registry });
      } catch {
        throw new Undecodable(`it is no ${message.typeName}`);
      }
      return printed(json, maxCharacters);
    },
  };
}

function registryOf(schema: SchemaText): FileRegistry {
  const { main, imported } = protobufFiles(schema);
  try {
    return createFileRegistry(main, (name) => imported.get(name));
  } catch {
    throw new UnusableSchema('it is no Protobuf that can be used');
  }
}

function topMessages(registry: FileRegistry): readonly DescMessage[] {
  return registry.getFile(MAIN_FILE)?.messages ?? [];
}

/** Maps have messages of their own, which nobody can send alone. */
function messageAt(messages: readonly DescMessage[], [first, ...rest]: MessagePath): DescMessage | undefined {
  const message = first === undefined ? undefined : messages[first];
  return message && rest.length > 0 ? messageAt(message.nestedMessages, rest) : message;
}

function pathOf(messages: readonly DescMessage[], name: string): number[] | undefined {
  for (const [index, message] of messages.entries()) {
    if (message.typeName === name) return [index];
    if (!name.startsWith(`${message.typeName}.`)) continue;
    const inner = pathOf(message.nestedMessages, name);
    if (inner) return [index, ...inner];
  }
  return undefined;
}

function framed(bytes: Buffer, besideGuid: Buffer | undefined): { path: MessagePath; payload: Buffer } {
  try {
    if (besideGuid === undefined) return readMessagePath(bytes);
    return { path: readMessagePath(besideGuid).path, payload: bytes };
  } catch (error) {
    throw error instanceof FrameError ? new Undecodable(error.message) : error;
  }
}

/** A double may hold it exactly, and an int64 takes it as a number then. */
function numberOrBigint(digits: string): number | bigint {
  const exact = BigInt(digits);
  const number = Number(digits);
  return Number.isFinite(number) && BigInt(number) === exact ? number : exact;
}

/** A byte may stand for the longest name of the schema, so what it comes to is counted before it is written. */
function printed(json: JsonValue, maxCharacters: number): string {
  if (leastCharacters(json, maxCharacters) > maxCharacters) throw tooMuchJson(maxCharacters);
  const text = JSON.stringify(json);
  // Only here it shows what had to be escaped.
  if (text.length > maxCharacters) throw tooMuchJson(maxCharacters);
  return text;
}

/** @param most counts no further than just above it */
function leastCharacters(json: JsonValue, most: number): number {
  if (typeof json === 'string') return json.length + 2;
  if (typeof json !== 'object' || json === null) return String(json).length;
  let characters = 2;
  if (Array.isArray(json)) {
    for (const item of json) {
      if (characters > most) break;
      characters += 1 + leastCharacters(item, most - characters);
    }
    return json.length > 0 ? characters - 1 : characters;
  }
  for (const name in json) {
    if (characters > most) break;
    characters += name.length + 4 + leastCharacters(json[name] ?? null, most - characters);
  }
  return characters > 2 ? characters - 1 : characters;
}

type Fits = (message: DescMessage, value: JsonValue) => boolean;

function fits(message: DescMessage, value: JsonValue, options: Parameters<typeof fromJson>[2]): boolean {
  try {
    fromJson(message, value, options);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where a value is that does not fit. The library that refused the whole is asked about each of its parts, so the two
 * cannot be of different opinions.
 */
function mismatchIn(message: DescMessage, value: unknown, fitsIn: Fits): Mismatch {
  if (message.typeName.startsWith('google.protobuf.'))
    return new Mismatch(`the JSON form of ${message.typeName}`, kindOf(value));
  if (!isJsonObject(value)) return new Mismatch(`an object, ${message.typeName}`, kindOf(value));
  for (const [name, part] of Object.entries(value)) {
    const field = message.fields.find((known) => known.jsonName === name || known.name === name);
    if (!field) return new Mismatch(`no such field in ${message.typeName}`, kindOf(part)).inside(name);
    const partFits = (wrapped: unknown) => fitsIn(message, { [name]: wrapped } as JsonValue);
    if (!partFits(part)) return mismatchOf(field, part, partFits, fitsIn).inside(name);
  }
  return new Mismatch('each field, and one field of each oneof, once', 'more of them');
}

function mismatchOf(
  field: DescField,
  value: unknown,
  partFits: (part: unknown) => boolean,
  fitsIn: Fits,
): Mismatch {
  if (field.fieldKind === 'list' || field.fieldKind === 'map') {
    const isList = field.fieldKind === 'list';
    if (isList ? !Array.isArray(value) : !isJsonObject(value))
      return new Mismatch(isList ? 'an array' : 'an object, a map', kindOf(value));
    for (const [key, part] of Object.entries(value as object) as [string, unknown][]) {
      if (!partFits(isList ? [part] : { [key]: part })) return mismatchOfOne(field, part, fitsIn).inside(key);
    }
    return new Mismatch('other items', kindOf(value));
  }
  return mismatchOfOne(field, value, fitsIn);
}

function mismatchOfOne(field: DescField, value: unknown, fitsIn: Fits): Mismatch {
  if (field.message && value !== null) return mismatchIn(field.message, value, fitsIn);
  if (field.enum) {
    const names = field.enum.values.map(({ name }) => name);
    const expected = names.length > 20 ? `one of ${names.length} names` : `one of ${names.join(', ')}`;
    return new Mismatch(expected, typeof value === 'string' ? 'another string' : kindOf(value));
  }
  const type = field.scalar === undefined ? 'a value' : ScalarType[field.scalar].toLowerCase();
  return new Mismatch(type, `${kindOf(value)} that is none`);
}
