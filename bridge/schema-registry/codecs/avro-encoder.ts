/** JSON -> Avro. The functions are made once per schema; each writes its value, or throws Mismatch with where and why. */
import { bytesOfInteger, logicalName, numberFromText, unscaledFromText, UUID } from './avro-logical';
import { branchName, type AvroRecord, type AvroType, type Logical, type Primitive } from './avro-schema';
import { isJsonObject, kindOf, Mismatch } from './codec';

/** How values look as JSON. */
export interface AvroForm {
  /** Unions as the specification writes them, `{"string":"a"}`; else the first type that fits. */
  readonly tagged: boolean;
  /** Bytes as base64, and logical types as text; else both as the specification writes them. */
  readonly plain: boolean;
}

/** Defaults in a schema: untagged, whatever else holds for its values. */
const DEFAULTS: AvroForm = { tagged: false, plain: false };

type Encode = (value: unknown, out: Writer) => void;

/** @returns a function that throws Mismatch; it is told how many characters the value has as text */
export function avroEncoder(type: AvroType, form: AvroForm): (value: unknown, characters: number) => Buffer {
  const encode = new Compiler(form).encoder(type);
  return (value, characters) => {
    const out = Writer.shared();
    out.spareTries = FREE_TRIES + characters / CHARACTERS_PER_TRY;
    encode(value, out);
    return out.taken();
  };
}

/**
 * Types of a union that were tried in vain, for one value. Where the types of a union hold that union again, the tries double
 * with every level: 200 characters kept the process for a minute.
 */
const FREE_TRIES = 1000;
const CHARACTERS_PER_TRY = 4;
/** What was written in vain counts, too. */
const BYTES_PER_TRY = 32;

const INT = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const LARGEST_FLOAT = 3.4028235677973366e38;
/** JSON has no numbers for these. */
const NOT_FINITE: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

class Compiler {
  readonly #made = new Map<AvroRecord, { encode: Encode }>();
  readonly #ofDefaults: Compiler;

  constructor(private readonly form: AvroForm) {
    this.#ofDefaults = form === DEFAULTS ? this : new Compiler(DEFAULTS);
  }

  encoder(type: AvroType): Encode {
    switch (type.kind) {
      case 'primitive':
        return this.#primitive(type.type, type.logical);
      case 'fixed':
        return this.#fixed(type.size, type.logical);
      case 'enum':
        return enumEncoder(type.symbols);
      case 'array':
        return arrayEncoder(this.encoder(type.items));
      case 'map':
        return mapEncoder(this.encoder(type.values));
      case 'union':
        return this.form.tagged ? this.#tagged(type.branches) : this.#untagged(type.branches);
      case 'record': {
        // A record may hold itself: its function is found here before it is complete.
        const made = this.#made.get(type);
        if (made) return (value, out) => made.encode(value, out);
        const slot: { encode: Encode } = { encode: () => undefined };
        this.#made.set(type, slot);
        slot.encode = this.#record(type);
        return slot.encode;
      }
    }
  }

  #primitive(type: Primitive, logical: Logical | undefined): Encode {
    switch (type) {
      case 'null':
        return (value) => {
          if (value !== null) throw new Mismatch('null', kindOf(value));
        };
      case 'boolean':
        return (value, out) => {
          if (typeof value !== 'boolean') throw new Mismatch('boolean', kindOf(value));
          out.byte(value ? 1 : 0);
        };
      case 'int':
      case 'long':
        return this.form.plain && logical
          ? logicalNumber(integerEncoder(type), logical)
          : integerEncoder(type);
      case 'float':
        return (value, out) => out.float(floating(value, 'float', LARGEST_FLOAT));
      case 'double':
        return (value, out) => out.double(floating(value, 'double', Infinity));
      case 'bytes':
        if (this.form.plain && logical?.name === 'decimal') return decimalEncoder(logical, undefined);
        return this.form.plain
          ? (value, out) => out.counted(fromBase64(value, 'bytes as base64 text'))
          : (value, out) => out.counted(fromLatin1(value, 'bytes as text with characters up to U+00FF'));
      case 'string':
        if (logical?.name === 'uuid' && this.form.plain) return uuidText;
        return (value, out) => {
          if (typeof value !== 'string') throw new Mismatch('string', kindOf(value));
          out.text(value);
        };
    }
  }

  #fixed(size: number, logical: Logical | undefined): Encode {
    const { plain } = this.form;
    if (plain && logical?.name === 'decimal') return decimalEncoder(logical, size);
    if (plain && logical?.name === 'uuid') {
      return (value, out) => {
        if (typeof value !== 'string' || !UUID.test(value)) throw new Mismatch('a UUID', kindOf(value));
        out.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'));
      };
    }
    const expected = `${size} bytes as ${plain ? 'base64 text' : 'text with characters up to U+00FF'}`;
    return (value, out) => {
      const bytes = plain ? fromBase64(value, expected) : fromLatin1(value, expected);
      if (bytes.length !== size) throw new Mismatch(expected, `${bytes.length} bytes`);
      out.bytes(bytes);
    };
  }

  #tagged(branches: readonly AvroType[]): Encode {
    const nullIndex = branches.findIndex((branch) => branchName(branch) === 'null');
    const named = new Map(
      branches.flatMap((branch, index) =>
        index === nullIndex ? [] : [[branchName(branch), { index, encode: this.encoder(branch) }] as const],
      ),
    );
    const names = [...named.keys()];
    const members = `an object with one member, ${names.length > 1 ? 'one of ' : ''}${names.join(', ')}`;
    const expected = nullIndex < 0 ? members : named.size === 0 ? 'null' : `null or ${members}`;
    return (value, out) => {
      if (value === null && nullIndex >= 0) return out.long(nullIndex);
      if (!isJsonObject(value)) throw new Mismatch(expected, kindOf(value));
      const [name, ...others] = Object.keys(value);
      const branch = name === undefined || others.length > 0 ? undefined : named.get(name);
      if (name === undefined || !branch) throw new Mismatch(expected, 'an object with other members');
      out.long(branch.index);
      try {
        branch.encode(value[name], out);
      } catch (error) {
        throw within(error, name);
      }
    };
  }

  #untagged(branches: readonly AvroType[]): Encode {
    const all = branches.map((branch, index) => ({
      index,
      mayBe: plausible(branch, this.form.plain),
      isLikely: likely(branch),
      encode: this.encoder(branch),
    }));
    const names = branches.map(branchName).join(', ');
    return (value, out) => {
      const start = out.at;
      const candidates = all.filter(({ mayBe }) => mayBe(value));
      const tried = candidates.length > 1 ? candidates.filter(({ isLikely }) => isLikely(value)) : candidates;
      let failure: unknown;
      for (const { index, encode } of tried) {
        try {
          out.long(index);
          encode(value, out);
          return;
        } catch (error) {
          if (!(error instanceof Mismatch) || out.spareTries < 0) throw error;
          out.spareTries -= 1 + (out.at - start) / BYTES_PER_TRY;
          if (out.spareTries < 0)
            throw new Mismatch('a value whose types are told apart sooner', kindOf(value));
          out.at = start;
          failure = error;
        }
      }
      // What is wrong inside the only type it can be says more than the names of all.
      throw candidates.length === 1 ? failure : new Mismatch(`one of ${names}`, kindOf(value));
    };
  }

  #record(record: AvroRecord): Encode {
    const fields = record.fields.map((field) => ({
      name: field.name,
      aliases: field.aliases,
      encode: this.encoder(field.type),
      byDefault: field.default === undefined ? undefined : this.#default(field.type, field.default),
      expected: branchName(field.type),
    }));
    const known = new Set(fields.flatMap(({ name, aliases }) => [name, ...aliases]));
    return (value, out) => {
      if (!isJsonObject(value)) throw new Mismatch(`an object, ${record.name}`, kindOf(value));
      let used = 0;
      for (const field of fields) {
        let { name } = field;
        if (!Object.hasOwn(value, name)) {
          const alias = field.aliases.find((other) => Object.hasOwn(value, other));
          if (alias === undefined) {
            const bytes = field.byDefault?.();
            if (!bytes) throw new Mismatch(field.expected, 'nothing').inside(name);
            out.bytes(bytes);
            continue;
          }
          name = alias;
        }
        used++;
        try {
          field.encode(value[name], out);
        } catch (error) {
          throw within(error, name);
        }
      }
      // Each of a client's members was used once, or one of them is none of the record's.
      if (used === Object.keys(value).length) return;
      const strange = Object.keys(value).find((name) => !known.has(name));
      throw strange === undefined
        ? new Mismatch('a field under one of its names', 'several of them')
        : new Mismatch(`no such field in ${record.name}`, kindOf(value[strange])).inside(strange);
    };
  }

  /** The bytes of a default, made when it is first needed; undefined for one that does not fit its own type. */
  #default(type: AvroType, value: unknown): () => Buffer | undefined {
    let bytes: Buffer | undefined;
    let wasAsked = false;
    return () => {
      // A default that needs itself is asked for while it is made.
      if (wasAsked) return bytes;
      wasAsked = true;
      try {
        const out = new Writer();
        this.#ofDefaults.encoder(type)(value, out);
        bytes = out.taken();
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
      }
      return bytes;
    };
  }
}

function integerEncoder(type: 'int' | 'long'): Encode {
  return type === 'int'
    ? (value, out) => {
        if (!isInt(value)) throw new Mismatch('int', describeNumber(value, 'an integer beyond 32 bits'));
        out.long(value);
      }
    : (value, out) => {
        if (typeof value === 'number' && Number.isSafeInteger(value)) out.long(value);
        else if (typeof value === 'bigint' && value >= LONG.min && value <= LONG.max) out.bigLong(value);
        else
          throw new Mismatch('long', describeNumber(value, 'an integer beyond 64 bits, or with an exponent'));
      };
}

function isInt(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= INT.min && value <= INT.max;
}

function describeNumber(value: unknown, large: string): string {
  if (typeof value === 'bigint') return large;
  return typeof value === 'number' && Number.isInteger(value) ? large : kindOf(value);
}

function floating(value: unknown, type: string, limit: number): number {
  if (typeof value === 'bigint') {
    const number = Number(value);
    // Printed doubles have as few digits as tell them apart, and zeros behind.
    const isSame = Number.isFinite(number) && (BigInt(number) === value || String(number) === String(value));
    if (isSame && Math.abs(number) < limit) return number;
    throw new Mismatch(type, 'an integer that it cannot hold exactly');
  }
  if (typeof value === 'number') {
    // JSON.parse makes an infinite one of what a double cannot hold.
    if (Number.isFinite(value) && Math.abs(value) < limit) return value;
    throw new Mismatch(type, 'a number that it cannot hold');
  }
  const special = NOT_FINITE.get(value);
  if (special === undefined) throw new Mismatch(type, kindOf(value));
  return special;
}

function logicalNumber(encode: Encode, logical: Logical): Encode {
  const expected = logicalName(logical);
  return (value, out) => {
    if (typeof value !== 'string') return encode(value, out);
    const number = numberFromText(logical, value);
    if (number === undefined) throw new Mismatch(expected, 'other text');
    encode(Number.isSafeInteger(Number(number)) ? Number(number) : number, out);
  };
}

/** @param size of a fixed; undefined for bytes */
function decimalEncoder(logical: Logical & { name: 'decimal' }, size: number | undefined): Encode {
  const { precision, scale } = logical;
  const expected = logicalName(logical);
  return (value, out) => {
    const unscaled = unscaledFromText(decimalDigits(value, expected), precision, scale);
    if (unscaled === undefined) throw new Mismatch(expected, `${kindOf(value)} that is none, or has more`);
    const bytes = bytesOfInteger(unscaled);
    if (size === undefined) return out.counted(bytes);
    if (bytes.length > size) throw new Mismatch(`${expected}, in ${size} bytes`, 'a larger one');
    out.bytes(Buffer.concat([Buffer.alloc(size - bytes.length, unscaled < 0n ? 0xff : 0), bytes]));
  };
}

/** More digits than these a number of JSON may have lost while it was parsed. */
const EXACT_DIGITS = 15;

function decimalDigits(value: unknown, expected: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') throw new Mismatch(expected, kindOf(value));
  const text = String(value);
  if (text.replace(/\D/g, '').length > EXACT_DIGITS)
    throw new Mismatch(expected, 'a number of too many digits to be exact: send it as text');
  return text;
}

function uuidText(value: unknown, out: Writer): void {
  if (typeof value !== 'string' || !UUID.test(value)) throw new Mismatch('a UUID', kindOf(value));
  out.text(value);
}

function fromBase64(value: unknown, expected: string): Buffer {
  if (typeof value !== 'string') throw new Mismatch(expected, kindOf(value));
  const bytes = Buffer.from(value, 'base64');
  // Node skips what is not base64.
  if (bytes.toString('base64') !== value) throw new Mismatch(expected, 'other text');
  return bytes;
}

function fromLatin1(value: unknown, expected: string): Buffer {
  if (typeof value !== 'string') throw new Mismatch(expected, kindOf(value));

  if (!/^[\x00-\xff]*$/.test(value)) throw new Mismatch(expected, 'other text');
  return Buffer.from(value, 'latin1');
}

function enumEncoder(symbols: readonly string[]): Encode {
  const indexes = new Map(symbols.map((symbol, index) => [symbol as unknown, index]));
  const expected = symbols.length > 20 ? `one of ${symbols.length} symbols` : `one of ${symbols.join(', ')}`;
  return (value, out) => {
    const index = indexes.get(value);
    if (index === undefined)
      throw new Mismatch(expected, typeof value === 'string' ? 'another string' : kindOf(value));
    out.long(index);
  };
}

function arrayEncoder(encode: Encode): Encode {
  return (value, out) => {
    if (!Array.isArray(value)) throw new Mismatch('an array', kindOf(value));
    if (value.length > 0) out.long(value.length);
    for (let index = 0; index < value.length; index++) {
      try {
        encode(value[index], out);
      } catch (error) {
        throw within(error, index);
      }
    }
    out.byte(0);
  };
}

function mapEncoder(encode: Encode): Encode {
  return (value, out) => {
    if (!isJsonObject(value)) throw new Mismatch('an object, a map', kindOf(value));
    const entries = Object.entries(value);
    if (entries.length > 0) out.long(entries.length);
    for (const [key, member] of entries) {
      out.text(key);
      try {
        encode(member, out);
      } catch (error) {
        throw within(error, key);
      }
    }
    out.byte(0);
  };
}

/** Whether a value can be of the type at all, as far as can be seen without looking into it. */
function plausible(type: AvroType, plain: boolean): (value: unknown) => boolean {
  const isText = (value: unknown) => typeof value === 'string';
  const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'bigint';
  switch (type.kind) {
    case 'primitive':
      switch (type.type) {
        case 'null':
          return (value) => value === null;
        case 'boolean':
          return (value) => typeof value === 'boolean';
        case 'int':
        case 'long':
          return plain && type.logical ? (value) => isText(value) || isNumber(value) : isNumber;
        case 'float':
        case 'double':
          return (value) => isNumber(value) || NOT_FINITE.has(value);
        case 'bytes':
          return plain && type.logical ? (value) => isText(value) || isNumber(value) : isText;
        case 'string':
          return isText;
      }

    case 'fixed':
      return plain && type.logical ? (value) => isText(value) || isNumber(value) : isText;
    case 'enum':
      return isText;
    case 'array':
      return Array.isArray;
    case 'map':
    case 'record':
      return isJsonObject;
    case 'union':
      return () => true;
  }
}

/** Of types that a value may be: whether it is worth the try. A closer look, and still cheaper than to fail. */
function likely(type: AvroType): (value: unknown) => boolean {
  if (type.kind === 'primitive' && (type.type === 'int' || type.type === 'long')) {
    const isInteger = type.type === 'int' ? isInt : Number.isInteger;
    return (value) => typeof value !== 'number' || isInteger(value);
  }
  if (type.kind !== 'record') return () => true;
  const { fields } = type;
  const known = new Set(fields.flatMap(({ name, aliases }) => [name, ...aliases]));
  const required = fields.filter((field) => field.default === undefined);
  return (value) =>
    Object.keys(value as object).every((name) => known.has(name)) &&
    required.every(({ name, aliases }) =>
      [name, ...aliases].some((one) => Object.hasOwn(value as object, one)),
    );
}

function within(error: unknown, step: string | number): unknown {
  return error instanceof Mismatch ? error.inside(step) : error;
}

/** A buffer that grows; what was written is copied out of it. */
class Writer {
  at = 0;
  /** See FREE_TRIES. */
  spareTries = FREE_TRIES;
  #buffer = Buffer.allocUnsafe(1024);

  /** Kept while it is small: most values need no more. */
  static #kept = new Writer();

  static shared(): Writer {
    if (Writer.#kept.#buffer.length > 65_536) Writer.#kept = new Writer();
    Writer.#kept.at = 0;
    return Writer.#kept;
  }

  taken(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.at));
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.at++] = byte;
  }

  bytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    bytes.copy(this.#buffer, this.at);
    this.at += bytes.length;
  }

  counted(bytes: Buffer): void {
    this.long(bytes.length);
    this.bytes(bytes);
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.long(length);
    this.#reserve(length);
    this.at += this.#buffer.write(text, this.at);
  }

  float(number: number): void {
    this.#reserve(4);
    this.at = this.#buffer.writeFloatLE(number, this.at);
  }

  double(number: number): void {
    this.#reserve(8);
    this.at = this.#buffer.writeDoubleLE(number, this.at);
  }

  /** A zigzag varint. */
  long(number: number): void {
    if (!isInt(number)) return this.bigLong(BigInt(number));
    this.#reserve(5);
    let rest = ((number << 1) ^ (number >> 31)) >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.at++] = rest;
  }

  bigLong(number: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, (number << 1n) ^ (number >> 63n));
    while (rest > 0x7fn) {
      this.#buffer[this.at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.at++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.at + bytes));
    this.#buffer.copy(larger, 0, 0, this.at);
    this.#buffer = larger;
  }
}
