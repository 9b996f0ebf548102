/**
 * Avro -> JSON text, for bytes that anybody may have written. Every count is checked against the bytes that are left
 * before anything is made of it: seven bytes that promise 2^31 items otherwise cost the process its life.
 */
import { isUtf8 } from 'node:buffer';
import { decimalText, integerOfBytes, textFromNumber } from './avro-logical';
import { branchName, type AvroRecord, type AvroType, type Logical, type Primitive } from './avro-schema';
import type { AvroForm } from './avro-encoder';
import { MAX_DECODED_CHARACTERS, MAX_JSON_DEPTH, tooMuchJson, Undecodable, type Reading } from './codec';

type Decode = (input: Reader, depth: number) => string;

/** @returns a function that throws Undecodable */
export function avroDecoder(type: AvroType, form: AvroForm): (bytes: Buffer, reading?: Reading) => string {
  const decode = new Compiler(form).decoder(type);
  return (bytes, { maxCharacters = MAX_DECODED_CHARACTERS } = {}) => {
    const input = new Reader(bytes, maxCharacters);
    const json = input.bounded(decode(input, 0));
    if (input.left > 0) throw new Undecodable(`${input.left} bytes are left behind the value`);
    return json;
  };
}

/** Items that take no bytes, such as null, of one value: nobody sends more of them than one can count. */
const MAX_EMPTY_ITEMS = 10_000;

const SMALLEST: Readonly<Record<Primitive, number>> = {
  null: 0,
  boolean: 1,
  int: 1,
  long: 1,
  float: 4,
  double: 8,
  bytes: 1,
  string: 1,
};

class Compiler {
  readonly #made = new Map<AvroRecord, { decode: Decode }>();
  readonly #smallest = new Map<AvroRecord, number>();

  constructor(private readonly form: AvroForm) {}

  decoder(type: AvroType): Decode {
    switch (type.kind) {
      case 'primitive':
        return this.#primitive(type.type, type.logical);
      case 'fixed':
        return this.#bytes((input) => input.bytes(type.size), type.logical);
      case 'enum': {
        const symbols = type.symbols.map((symbol) => JSON.stringify(symbol));
        return (input) => symbols[input.index(symbols.length)] ?? '';
      }
      case 'array':
        return blocks(this.decoder(type.items), this.#smallestSize(type.items), '[', ']', () => '');
      case 'map': {
        const keyBytes = 1;
        return blocks(this.decoder(type.values), keyBytes + this.#smallestSize(type.values), '{', '}', (input) => `${input.text()}:`); // prettier-ignore
      }
      case 'union':
        return this.#union(type.branches);
      case 'record': {
        const made = this.#made.get(type);
        if (made) return (input, depth) => made.decode(input, depth);
        const slot: { decode: Decode } = { decode: () => '' };
        this.#made.set(type, slot);
        slot.decode = this.#record(type);
        return slot.decode;
      }
    }
  }

  #primitive(type: Primitive, logical: Logical | undefined): Decode {
    switch (type) {
      case 'null':
        return () => 'null';
      case 'boolean':
        return (input) => (input.index(2, true) === 1 ? 'true' : 'false');
      case 'int':
      case 'long': {
        const read = (input: Reader) => (type === 'int' ? input.int() : input.long());
        if (!this.form.plain || !logical) return (input) => String(read(input));
        return (input) => {
          const number = BigInt(read(input));
          const text = textFromNumber(logical, number);
          return text === undefined ? String(number) : `"${text}"`;
        };
      }
      case 'float':
        return (input) => numberText(shortest(input.bytes(4).readFloatLE()));
      case 'double':
        return (input) => numberText(input.bytes(8).readDoubleLE());
      case 'bytes':
        return this.#bytes((input) => input.bytes(input.length()), logical);
      case 'string':
        return (input) => input.text();
    }
  }

  #bytes(read: (input: Reader) => Buffer, logical: Logical | undefined): Decode {
    if (!this.form.plain) return (input) => JSON.stringify(read(input).toString('latin1'));
    if (logical?.name === 'decimal') {
      const { precision, scale } = logical;
      return (input) => {
        const bytes = read(input);
        // Its digits take time that grows with the square of their number.
        if (bytes.length > precision) throw new Undecodable('a decimal has more digits than its precision');
        return `"${decimalText(integerOfBytes(bytes), scale)}"`;
      };
    }
    if (logical?.name === 'uuid') {
      return (input) => {
        const hex = read(input).toString('hex');
        return `"${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}"`;
      };
    }
    return (input) => `"${read(input).toString('base64')}"`;
  }

  #union(branches: readonly AvroType[]): Decode {
    const all = branches.map((branch) => {
      const decode = this.decoder(branch);
      const name = branchName(branch);
      if (!this.form.tagged || name === 'null') return decode;
      const start = `{${JSON.stringify(name)}:`;
      return (input: Reader, depth: number) => `${start}${decode(input, depth)}}`;
    });
    return (input, depth) => {
      const decode = all[input.index(all.length)];
      return decode ? decode(input, deeper(depth)) : '';
    };
  }

  #record({ fields }: AvroRecord): Decode {
    const all = fields.map(({ name, type }, index) => ({
      start: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      decode: this.decoder(type),
    }));
    if (all.length === 0) return () => '{}';
    return (input, depth) => {
      const inner = deeper(depth);
      let json = '';
      for (const { start, decode } of all) json = input.bounded(json + start + decode(input, inner));
      return `${json}}`;
    };
  }

  /** Bytes that a value of the type has at least. */
  #smallestSize(type: AvroType): number {
    switch (type.kind) {
      case 'primitive':
        return SMALLEST[type.type];
      case 'fixed':
        return type.size;
      case 'enum':
      case 'array':
      case 'map':
      case 'union':
        return 1;
      case 'record': {
        const known = this.#smallest.get(type);
        if (known !== undefined) return known;
        // What it has of itself counts nothing.
        this.#smallest.set(type, 0);
        const size = type.fields.reduce((sum, field) => sum + this.#smallestSize(field.type), 0);
        this.#smallest.set(type, size);
        return size;
      }
    }
  }
}

/** An array or a map: blocks of items, the last one empty. */
function blocks(
  item: Decode,
  smallest: number,
  open: string,
  close: string,
  key: (input: Reader) => string,
): Decode {
  return (input, depth) => {
    const inner = deeper(depth);
    let json = open;
    for (let count = input.blockCount(smallest); count > 0; count = input.blockCount(smallest)) {
      for (let left = count; left > 0; left--) {
        const separator = json.length === 1 ? '' : ',';
        json = input.bounded(json + separator + key(input) + item(input, inner));
      }
    }
    return json + close;
  };
}

function deeper(depth: number): number {
  if (depth === MAX_JSON_DEPTH) throw new Undecodable(`it is nested deeper than ${MAX_JSON_DEPTH} levels`);
  return depth + 1;
}

/** JSON has no number for these; the JSON of Java's Avro writes them as text, too. */
function numberText(number: number): string {
  if (Number.isFinite(number)) return Object.is(number, -0) ? '-0' : String(number);
  return `"${number}"`;
}

/** The shortest decimal number that is the same float: 0.1, not 0.10000000149011612. */
function shortest(float: number): number {
  if (!Number.isFinite(float) || Number.isInteger(float)) return float;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}

class Reader {
  #at = 0;
  #emptyItems = 0;

  constructor(
    private readonly input: Buffer,
    private readonly maxCharacters: number,
  ) {}

  get left(): number {
    return this.input.length - this.#at;
  }

  /** A part of the JSON, as it is. */
  bounded(json: string): string {
    if (json.length > this.maxCharacters) throw tooMuchJson(this.maxCharacters);
    return json;
  }

  /** @param oneByte a boolean, which is no varint */
  index(below: number, oneByte = false): number {
    const index = oneByte ? this.#byte() : this.int();
    if (index < 0 || index >= below)
      throw new Undecodable('an index of a union, an enum or a boolean is none');
    return index;
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw tooShort();
    return this.input.subarray(this.#at, (this.#at += length));
  }

  length(): number {
    const length = this.long();
    if (length < 0 || length > this.left) throw tooShort();
    return Number(length);
  }

  /** As JSON. */
  text(): string {
    const bytes = this.bytes(this.length());
    if (!isUtf8(bytes)) throw new Undecodable('a string is not UTF-8');
    return JSON.stringify(bytes.toString());
  }

  /** @param smallest bytes that an item has at least */
  blockCount(smallest: number): number {
    let count = this.long();
    if (count < 0) {
      // The size of the block follows, for readers that skip it.
      this.length();
      count = -count;
    }
    if (smallest === 0) {
      this.#emptyItems += Number(count);
      if (this.#emptyItems > MAX_EMPTY_ITEMS)
        throw new Undecodable(`it has more than ${MAX_EMPTY_ITEMS} empty items`);
    } else if (count > this.left / smallest) throw tooShort();
    return Number(count);
  }

  int(): number {
    const number = this.long();
    if (number < -(2 ** 31) || number > 2 ** 31 - 1) throw new Undecodable('an int has more than 32 bits');
    return Number(number);
  }

  /** A bigint only where a number cannot hold it. */
  long(): number | bigint {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < 7; read++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    return this.#longer(BigInt(value));
  }

  #longer(start: bigint): bigint {
    let value = start;
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (value >= 2n ** 64n) break;
        return (value >> 1n) ^ -(value & 1n);
      }
    }
    throw new Undecodable('a long has more than 64 bits');
  }

  #byte(): number {
    const byte = this.input[this.#at++];
    if (byte === undefined) throw tooShort();
    return byte;
  }
}

function tooShort(): Undecodable {
  return new Undecodable('it ends inside a value');
}
