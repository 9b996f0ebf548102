/** Text of bodies, in whatever charset their content type names. */
import { withoutMark } from '../byte-order-mark';
import { GatewayError } from '../errors';
import { utf8Text } from './kong-text';
import { parameterOf } from './media-type';

/** Names under which bytes are UTF-8, or ASCII, which is UTF-8 too. */
const UTF8_NAMES = new Set(['', 'utf-8', 'utf8', 'us-ascii', 'ascii']);

/** The charset that a content type names, in lower case; undefined when it is UTF-8 or there is none. */
export function foreignCharset(contentType: string | undefined): string | undefined {
  // Most have no parameter at all.
  if (contentType === undefined || !contentType.includes(';')) return undefined;
  const charset = parameterOf(contentType, 'charset')?.trim().toLowerCase() ?? '';
  return UTF8_NAMES.has(charset) ? undefined : charset;
}

/**
 * For what can only be read as text. Neither error quotes the charset: it is whatever a client likes to write there.
 * @returns a function that throws GatewayError `request_invalid` for damaged bytes
 * @throws GatewayError `unsupported_media_type` for a charset nobody here knows
 */
export function strictReader(charset: string): (bytes: Buffer) => string {
  const read = textReader(charset);
  if (read === undefined) {
    throw new GatewayError(
      'unsupported_media_type',
      'the charset that the content type names cannot be read here; send UTF-8',
    );
  }
  return (bytes) => {
    const text = read(bytes);
    if (text !== undefined) return text;
    throw new GatewayError('request_invalid', 'the body is not in the charset that its content type names');
  };
}

/** Undefined when the bytes are no text in the charset of their content type. */
export function readText(bytes: Buffer, contentType: string | undefined): string | undefined {
  const charset = foreignCharset(contentType);
  return charset === undefined ? utf8Text(withoutMark(bytes)) : textReader(charset)?.(bytes);
}

/** Undefined for bytes that are damaged. */
type TextReader = (bytes: Buffer) => string | undefined;

/** Undefined for a charset that nobody here knows. The names, old and new, are those of the WHATWG. */
function textReader(charset: string): TextReader | undefined {
  if (UTF16_OF_EITHER_ORDER.has(charset)) return readUtf16;
  const decoder = decoderOf(charset);
  // What a web page calls latin1 is windows-1252; Node 20 takes it for latin1 in truth.
  return decoder?.encoding === 'windows-1252' ? readWindows1252 : decoder && readerOf(decoder);
}

/** Whether ASCII is in it what it is everywhere, so that a form can be taken apart before it is read. */
export function extendsAscii(charset: string): boolean {
  const encoding = decoderOf(charset)?.encoding ?? '';
  return !encoding.startsWith('utf-16') && encoding !== 'iso-2022-jp';
}

type Decoder = InstanceType<typeof TextDecoder>;

function decoderOf(charset: string): Decoder | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true });
    // Bytes in the clothes of text, for scripts of web pages. Node 20 does not know it, Node 24 does.
    return decoder.encoding === 'x-user-defined' ? undefined : decoder;
  } catch {
    return undefined;
  }
}

function readerOf(decoder: Decoder): TextReader {
  return (bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      return undefined;
    }
  };
}

const UTF16_OF_EITHER_ORDER = new Set(['utf-16', 'unicode', 'ucs-2', 'iso-10646-ucs-2', 'csunicode']);
const UTF16_BE_MARK = [0xfe, 0xff] as const;

/** The mark tells the order of the bytes. Without one: what is parsed here begins with a character of ASCII. */
function readUtf16(bytes: Buffer): string | undefined {
  const isBigEndian = bytes[0] === 0 || (bytes[0] === UTF16_BE_MARK[0] && bytes[1] === UTF16_BE_MARK[1]);
  return readerOf(new TextDecoder(isBigEndian ? 'utf-16be' : 'utf-16le', { fatal: true }))(bytes);
}

/** 0x80 to 0x9f; all else is as in latin1. */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

function readWindows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80]!);
}
