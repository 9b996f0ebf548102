/** JSON <-> the bytes of one schema, without frame, configuration or network. Compiled once per schema. */

/** JSON that has been parsed: what is kept as text may hold numbers that a JavaScript number cannot. */
export interface ParsedJson {
  readonly text: string;
  readonly value: unknown;
}

export interface Codec {
  /** @throws Mismatch */
  encode(json: ParsedJson): Buffer;
  /** @returns JSON text. @throws Undecodable */
  decode(bytes: Buffer, reading?: Reading): string;
}

export interface Reading {
  /** More JSON than that is refused before it is all made. Default: MAX_DECODED_CHARACTERS. */
  readonly maxCharacters?: number;
  /** What a schema id header holds behind the GUID, where the id came in one. */
  readonly besideGuid?: Buffer | undefined;
}

/** JSON that does not fit the schema. It says where and why, and never repeats the value. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
  readonly #path: (string | number)[] = [];

  /**
   * @param expected completes "expected …", such as `int`
   * @param found completes "found …", such as `a string`
   */
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}, found ${found}`);
  }

  /** Told by whoever holds the value, from the inside out. */
  inside(step: string | number): this {
    this.#path.unshift(step);
    return this;
  }

  /** A JSON pointer; "" is the whole. Names in it are the client's own or the schema's. */
  get pointer(): string {
    return this.#path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  }
}

/** Bytes that are not of the schema. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable';
}

/** A schema that cannot be used at all. */
export class UnusableSchema extends Error {
  override readonly name = 'UnusableSchema';
}

/** Deeper JSON is none that any honest service writes. As deep as a client's may be. */
export { MAX_JSON_DEPTH } from '../../json-depth';

/** A few bytes may stand for a lot of JSON; beyond four times the largest reply it is an attack. */
export const MAX_GROWTH = 4;
/** Of the default of `max_reply_bytes`. */
export const MAX_DECODED_CHARACTERS = MAX_GROWTH * 1_048_576;

export function tooMuchJson(maxCharacters: number): Undecodable {
  return new Undecodable(`its JSON has more than ${maxCharacters} characters`);
}

/** What a JSON value is, in words that tell nothing of it. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'object':
      return 'an object';
    case 'string':
      return 'a string';
    case 'boolean':
      return 'a boolean';
    case 'bigint':
      return 'a large integer';
    default:
      return Number.isInteger(value) ? 'an integer' : 'a number';
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
