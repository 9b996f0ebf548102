/**
 * Where and why text is not JSON. `JSON.parse` says it differently in each version of Node, and quotes the text; a
 * client may be told a place in its body, but nothing that could be a secret may be repeated.
 *
 * Only asked when `JSON.parse` has failed, so it may take its time.
 */

export interface JsonFault {
  readonly what: 'unexpected end' | 'unexpected character' | 'control character in a text' | 'invalid UTF-8';
  /** The offset of the byte, counted from 0; the number of bytes, where more were expected. */
  readonly byte: number;
}

/** Undefined for JSON in UTF-8. */
export function jsonFault(json: Buffer): JsonFault | undefined {
  const damaged = invalidUtf8At(json);
  if (damaged !== undefined) return { what: 'invalid UTF-8', byte: damaged };
  const reader = new JsonReader(json);
  try {
    reader.document();
    return undefined;
  } catch (error) {
    if (error instanceof Found) return { what: error.what, byte: reader.at };
    throw error;
  }
}

/** What Node replaces while it decodes differs when it is encoded again. */
function invalidUtf8At(bytes: Buffer): number | undefined {
  const again = Buffer.from(bytes.toString('utf8'));
  if (again.equals(bytes)) return undefined;
  let at = 0;
  while (at < bytes.length && again[at] === bytes[at]) at++;
  return at;
}

class Found extends Error {
  constructor(readonly what: JsonFault['what']) {
    super(what);
  }
}

const codesOf = (characters: string): ReadonlySet<number> => new Set(Buffer.from(characters));
const BLANKS = codesOf(' \t\r\n');
const DIGITS = codesOf('0123456789');
const HEX_DIGITS = codesOf('0123456789abcdefABCDEF');
const ESCAPED = codesOf('"\\/bfnrt');
const SIGNS = codesOf('+-');
const EXPONENTS = codesOf('eE');
const LITERALS: ReadonlyMap<number, Buffer> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** From an opening bracket to the one that closes it, in ASCII. */
const TO_CLOSING = 2;
const FIRST_PRINTABLE = 0x20;

/** RFC 8259, with a list for a stack: text of a client may be nested as deep as it likes. */
class JsonReader {
  at = 0;

  constructor(private readonly json: Buffer) {}

  document(): void {
    const closers: number[] = [];
    for (;;) {
      const byte = this.#next();
      if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.at++;
        closers.push(byte + TO_CLOSING);
        if (this.#next() !== byte + TO_CLOSING) {
          if (byte === OPEN_OBJECT) this.#key();
          continue;
        }
      } else this.#scalar(byte);
      if (!this.#anotherValue(closers)) return;
    }
  }

  /** Behind a value: closes what ends there. False at the end of the document. */
  #anotherValue(closers: number[]): boolean {
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      const byte = this.#next();
      if (byte !== closer) {
        this.#take(byte === COMMA);
        if (closer === CLOSE_OBJECT) this.#key();
        return true;
      }
      this.at++;
      closers.pop();
    }
    this.#skipBlanks();
    if (this.at < this.json.length) throw new Found('unexpected character');
    return false;
  }

  #key(): void {
    if (this.#next() !== QUOTE) throw new Found('unexpected character');
    this.#text();
    this.#take(this.#next() === COLON);
  }

  #scalar(first: number): void {
    const literal = LITERALS.get(first);
    if (first === QUOTE) this.#text();
    else if (literal) for (const byte of literal) this.#take(this.#here() === byte);
    else this.#number();
  }

  #text(): void {
    this.at++;
    for (;;) {
      const byte = this.#here();
      if (byte < FIRST_PRINTABLE) throw new Found('control character in a text');
      this.at++;
      if (byte === QUOTE) return;
      if (byte === BACKSLASH) this.#escape();
    }
  }

  #escape(): void {
    const byte = this.#here();
    this.#take(byte === LOWER_U || ESCAPED.has(byte));
    if (byte === LOWER_U) for (let digits = 0; digits < 4; digits++) this.#take(HEX_DIGITS.has(this.#here()));
  }

  #number(): void {
    if (this.#here() === MINUS) this.at++;
    if (this.#here() === ZERO) this.at++;
    else this.#digits();
    if (this.json[this.at] === POINT) {
      this.at++;
      this.#digits();
    }
    if (!EXPONENTS.has(this.json[this.at]!)) return;
    this.at++;
    if (SIGNS.has(this.#here())) this.at++;
    this.#digits();
  }

  #digits(): void {
    this.#take(DIGITS.has(this.#here()));
    while (DIGITS.has(this.json[this.at]!)) this.at++;
  }

  #take(isExpected: boolean): void {
    if (!isExpected) throw new Found('unexpected character');
    this.at++;
  }

  #next(): number {
    this.#skipBlanks();
    return this.#here();
  }

  #skipBlanks(): void {
    while (BLANKS.has(this.json[this.at]!)) this.at++;
  }

  #here(): number {
    const byte = this.json[this.at];
    if (byte === undefined) throw new Found('unexpected end');
    return byte;
  }
}
