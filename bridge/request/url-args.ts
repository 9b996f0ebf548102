/** Arguments in the form of application/x-www-form-urlencoded: a query string, or a form's body. */
import { textFromKong } from './kong-text';

/** `true` for an argument without `=`, as Kong hands it over. */
export type UrlArg = string | true;
export type UrlArgs = ReadonlyMap<string, UrlArg | readonly UrlArg[]>;

/**
 * Never fails: escapes that are none stay as they are, and bytes that are not UTF-8 become U+FFFD.
 * @param raw without the `?`
 * @param read for a form in another charset: what its bytes say, where they may be escaped or not
 */
export function parseUrlArgs(raw: string, read?: (bytes: Buffer) => string): UrlArgs {
  const args = new Map<string, UrlArg | UrlArg[]>();
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals), read);
    const value = equals < 0 ? true : decoded(pair.slice(equals + 1), read);
    const before = args.get(name);
    if (before === undefined) args.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else args.set(name, [before, value]);
  }
  return args;
}

/** The first value; "" for an argument without one, undefined when there is no such argument. */
export function firstArg(args: UrlArgs, name: string): string | undefined {
  const value = args.get(name);
  const first = Array.isArray(value) ? (value as readonly UrlArg[])[0] : (value as UrlArg | undefined);
  return first === true ? '' : first;
}

/** As a JSON object. A name such as `__proto__` is a member like others. */
export function urlArgsJson(args: UrlArgs): string {
  return JSON.stringify(Object.fromEntries(args));
}

const PERCENT = 0x25;

function decoded(escaped: string, read?: (bytes: Buffer) => string): string {
  if (read) return read(unescaped(Buffer.from(escaped.replaceAll('+', ' '), 'latin1')));
  const text = textFromKong(escaped);
  return /[%+]/.test(text) ? unescaped(Buffer.from(text.replaceAll('+', ' '))).toString('utf8') : text;
}

function unescaped(from: Buffer): Buffer {
  const to = Buffer.allocUnsafe(from.length);
  let length = 0;
  for (let index = 0; index < from.length; index++) {
    let byte = from[index]!;
    if (byte === PERCENT) {
      const high = hexDigit(from[index + 1]);
      const low = hexDigit(from[index + 2]);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        index += 2;
      }
    }
    to[length++] = byte;
  }
  return to.subarray(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
