/**
 * How many messages are in the bytes of one. Two bytes stand for an object of some hundred in memory, so a reply is
 * counted before it is read: its bytes alone are passed over for that, and nothing is made of them.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { MAX_JSON_DEPTH } from './codec';

/** These any reply may have, however small it is. */
const FREE = 10_000;
/** And one for so many bytes. Messages that say something have more. */
const BYTES_PER_MESSAGE = 5;
/** A tag and a length. */
const LEAST_BYTES = 2;

/** True where it would be an attack to read it. Bytes that are no message are for whoever reads them to refuse. */
export function hasTooManyMessages(message: DescMessage, bytes: Uint8Array): boolean {
  if (bytes.length / LEAST_BYTES <= FREE) return false;
  const most = mostMessages(bytes.length);
  return countMessages(message, bytes, most) > most;
}

export function mostMessages(sizeBytes: number): number {
  return FREE + Math.floor(sizeBytes / BYTES_PER_MESSAGE);
}

/** Those inside of it, entries of maps included. @param most counts no further than to one more */
export function countMessages(message: DescMessage, bytes: Uint8Array, most: number): number {
  const count = { messages: 0, most };
  try {
    countInside(fieldsOf(message), new BinaryReader(bytes), bytes.length, count, 0);
  } catch {
    // It is cut off, or none at all.
  }
  return count.messages;
}

/** What may be inside of a message, by the number of its field. */
type Inner = ReadonlyMap<number, DescMessage | MapEntry>;
class MapEntry {
  /** @param value undefined where it is a scalar */
  constructor(readonly value: DescMessage | undefined) {}
}

const known = new WeakMap<DescMessage, Inner>();

function fieldsOf(message: DescMessage): Inner {
  let inner = known.get(message);
  if (inner === undefined) {
    inner = new Map(message.fields.flatMap((field) => innerOf(field)));
    known.set(message, inner);
  }
  return inner;
}

function innerOf(field: DescField): [number, DescMessage | MapEntry][] {
  if (field.fieldKind === 'map') return [[field.number, new MapEntry(field.message)]];
  return field.message ? [[field.number, field.message]] : [];
}

const VALUE_OF_ENTRY = 2;
const NOTHING: Inner = new Map();

function insideOf(inner: DescMessage | MapEntry): Inner {
  if (!(inner instanceof MapEntry)) return fieldsOf(inner);
  return inner.value ? new Map([[VALUE_OF_ENTRY, inner.value]]) : NOTHING;
}

function countInside(
  fields: Inner,
  reader: BinaryReader,
  end: number,
  count: { messages: number; readonly most: number },
  depth: number,
): void {
  // Deeper than that is refused by whoever reads it.
  if (depth > MAX_JSON_DEPTH) return;
  while (reader.pos < end && count.messages <= count.most) {
    const [number, type] = reader.tag();
    if (type === WireType.EndGroup) return;
    const inner = fields.get(number);
    const isMessage = type === WireType.LengthDelimited || type === WireType.StartGroup;
    if (inner === undefined || !isMessage) {
      reader.skip(type, number);
      continue;
    }
    count.messages++;
    if (type === WireType.StartGroup) {
      countInside(insideOf(inner), reader, end, count, depth + 1);
      continue;
    }
    const innerEnd = reader.uint32() + reader.pos;
    countInside(insideOf(inner), reader, Math.min(innerEnd, end), count, depth + 1);
    reader.pos = innerEnd;
  }
}
