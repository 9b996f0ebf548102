/** JSON that a client sent, checked before it becomes a part of other JSON. */
import { GatewayError } from '../errors';
import { utf8Text } from './kong-text';

/** Printing deep JSON overflows the stack of many a parser and printer; no honest document comes near this. */
export const MAX_JSON_DEPTH = 64;

/**
 * The text of a JSON body, to be spliced into other JSON as it is: numbers that JavaScript cannot hold, spacing and
 * order arrive as they were sent.
 * @throws GatewayError `request_invalid` for what is not JSON in UTF-8, or is nested too deep
 */
export function jsonText(body: Buffer): string {
  refuseDeeper(body);
  const text = utf8Text(body);
  if (text !== undefined && isJsonText(text)) return text;
  throw notJson();
}

/** @throws GatewayError `request_invalid`, as above */
export function parseJson(body: Buffer): unknown {
  refuseDeeper(body);
  const text = utf8Text(body);
  if (text === undefined) throw notJson();
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Without the parser's own error: that one quotes the body. */
function notJson(): GatewayError {
  return new GatewayError('request_invalid', 'the body is not valid JSON in UTF-8');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CASE_OF_BRACKETS = 0x20;
const OPEN = 0x7b; // `{`, and `[` with the other case
const CLOSE = 0x7d;

/** Reads bytes: everything that matters is ASCII, and no byte of another UTF-8 character is. */
function refuseDeeper(json: Buffer): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index]!;
    if (inString) {
      if (byte === BACKSLASH) index++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if ((byte | CASE_OF_BRACKETS) === OPEN) {
      if (++depth > MAX_JSON_DEPTH) {
        throw new GatewayError(
          'request_invalid',
          `the JSON body is nested deeper than ${MAX_JSON_DEPTH} levels`,
        );
      }
    } else if ((byte | CASE_OF_BRACKETS) === CLOSE) depth--;
  }
}
