/** What others have written, as it may be shown on a terminal: no byte of it can steer that. */

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line. Bytes that are no text are told by their number. */
export function shownBytes(bytes: Buffer, mostCharacters: number): string {
  const text = bytes.subarray(0, 4 * mostCharacters).toString();
  const isText = Buffer.from(text.slice(0, -1)).equals(bytes.subarray(0, Buffer.byteLength(text.slice(0, -1))));
  if (!isText) return `(${bytes.length} bytes, not text)`;
  const shown = shownText(text.slice(0, mostCharacters));
  return text.length > mostCharacters || bytes.length > 4 * mostCharacters ? `${shown}… (${bytes.length} bytes)` : shown;
} // prettier-ignore

export function shownText(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => ESCAPES[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
