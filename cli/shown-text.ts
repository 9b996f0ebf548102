/** What others have written, as it may be shown on a terminal: no byte of it can steer that. */

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line. Bytes that are no text are told by their number. */
export function shownBytes(bytes: Buffer, mostCharacters: number): string {
  const beginning = bytes.subarray(0, MOST_BYTES_OF_CHARACTER * mostCharacters);
  const isCut = beginning.length < bytes.length;
  let text: string;
  try {
    // The last character of a beginning may be one in part.
    text = new TextDecoder('utf-8', { fatal: true }).decode(beginning, { stream: isCut });
  } catch {
    return `(${bytes.length} bytes, not text)`;
  }
  const shown = shownText(text.slice(0, mostCharacters).toWellFormed());
  return isCut || text.length > mostCharacters ? `${shown}… (${bytes.length} bytes)` : shown;
}

const MOST_BYTES_OF_CHARACTER = 4;

/** One line. */
export function shownText(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** As many lines as it has. */
export function shownLines(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    /[\n\t]/.test(character) ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return ESCAPES[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** The same document, without a character that a terminal would obey. */
export function shownJson(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
