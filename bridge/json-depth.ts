/** How deep JSON from elsewhere may be nested, looked at before it is parsed. */

/** Deep JSON overflows the stack of many a parser and printer; no honest document comes near this. */
export const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** `[` and `{` differ in one bit only, and so do `]` and `}`. */
const CASE_OF_BRACKETS = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Calls back for what structures JSON: brackets, colons, commas and the opening quote of every string, with the number
 * of objects and lists it lies in. An opening bracket lies in what it opens, a closing one in what it closes. Bytes are
 * enough: all this is ASCII, and no byte of another UTF-8 character is.
 * @param visit returns false to stop
 */
function walkJson(json: Buffer, visit: (byte: number, depth: number, index: number) => boolean): void {
  let depth = 0;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index]!;
    const bracket = byte | CASE_OF_BRACKETS;
    if (bracket === OPENING) depth++;
    else if (bracket !== CLOSING && byte !== QUOTE && byte !== COLON && byte !== COMMA) continue;
    if (!visit(byte, depth, index)) return;
    if (bracket === CLOSING) depth--;
    else if (byte === QUOTE) index = endOfString(json, index);
  }
}

/** The index of the quote that ends the string which begins at `start`. */
function endOfString(json: Buffer, start: number): number {
  let index = start + 1;
  while (index < json.length && json[index] !== QUOTE) index += json[index] === BACKSLASH ? 2 : 1;
  return index;
}

export function isDeeperThan(json: Buffer, limit: number): boolean {
  let deeper = false;
  walkJson(json, (_, depth) => {
    deeper = depth > limit;
    return !deeper;
  });
  return deeper;
}

/** The bytes of a member of an object, as they were sent. Only for valid JSON; the last of several of that name. */
export function memberBytes(json: Buffer, name: string): Buffer | undefined {
  let key: Buffer | undefined;
  let keyStart = -1;
  let valueStart = -1;
  let found: Buffer | undefined;
  walkJson(json, (byte, depth, index) => {
    if (depth !== 1) return true;
    if (byte === QUOTE && valueStart < 0) keyStart = index;
    else if (byte === COLON) {
      key = json.subarray(keyStart, index);
      valueStart = index + 1;
    } else if (byte === COMMA || byte === CLOSING) {
      if (key && valueStart >= 0 && isKey(key, name)) found = json.subarray(valueStart, index);
      valueStart = -1;
    }
    return true;
  });
  return found;
}

function isKey(text: Buffer, name: string): boolean {
  return JSON.parse(text.toString('utf8')) === name;
}
