/**
 * multipart/form-data (RFC 7578) of a body that is in memory and bounded already. Libraries for this are built to
 * stream files to disk; with the whole body at hand it is a search for delimiters.
 */
import { GatewayError } from '../errors';
import { essenceOf, parameterOf } from './media-type';

export interface FormPart {
  readonly name: string;
  readonly content: Buffer;
  readonly contentType: string | undefined;
}

const MAX_PARTS = 1000;
const MAX_PART_HEADER_BYTES = 8192;
/** RFC 2046. */
const BOUNDARY = /^[\x20-\x7e]{0,69}[\x21-\x7e]$/;

/** @throws GatewayError `request_invalid` */
export function parseMultipart(body: Buffer, contentType: string): FormPart[] {
  const boundary = parameterOf(contentType, 'boundary');
  if (boundary === undefined || !BOUNDARY.test(boundary)) throw invalid('its content type names no boundary');

  const parts: FormPart[] = [];
  let at = afterDelimiter(body, `--${boundary}`, 0);
  const delimiter = `\r\n--${boundary}`;
  while (at.more) {
    if (parts.length === MAX_PARTS) throw invalid(`it has more than ${MAX_PARTS} parts`);
    const { headers, start } = partHeaders(body, at.next);
    const end = afterDelimiter(body, delimiter, start);
    parts.push({ ...described(headers), content: body.subarray(start, end.found) });
    at = end;
  }
  return parts;
}

interface Delimiter {
  /** Where it begins. */
  readonly found: number;
  /** Behind its line. */
  readonly next: number;
  /** False for the one that closes the body. */
  readonly more: boolean;
}

const BLANK = 0x20;
const TAB = 0x09;
const HYPHENS = Buffer.from('--');
const LINE_END = Buffer.from('\r\n');

function afterDelimiter(body: Buffer, delimiter: string, from: number): Delimiter {
  for (let start = from; ;) {
    const found = body.indexOf(delimiter, start, 'latin1');
    if (found < 0) throw invalid('a boundary is missing');
    let next = found + delimiter.length;
    if (startsAt(body, HYPHENS, next)) return { found, next, more: false };
    while (body[next] === BLANK || body[next] === TAB) next++;
    if (startsAt(body, LINE_END, next)) return { found, next: next + LINE_END.length, more: true };
    // Something longer that begins like the boundary.
    start = found + 1;
  }
}

function startsAt(body: Buffer, bytes: Buffer, offset: number): boolean {
  return body.subarray(offset, offset + bytes.length).equals(bytes);
}

function partHeaders(body: Buffer, from: number): { headers: string; start: number } {
  const window = body.subarray(from, from + MAX_PART_HEADER_BYTES);
  const end = window.indexOf('\r\n\r\n');
  if (end < 0) throw invalid(`the headers of a part do not end within ${MAX_PART_HEADER_BYTES} bytes`);
  return { headers: window.toString('utf8', 0, end), start: from + end + 4 };
}

function described(headers: string): Omit<FormPart, 'content'> {
  let name: string | undefined;
  let contentType: string | undefined;
  for (const line of headers.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const value = line.slice(colon + 1);
    switch (line.slice(0, colon).toLowerCase()) {
      case 'content-disposition':
        if (essenceOf(value) === 'form-data') name ??= parameterOf(value, 'name');
        break;
      case 'content-type':
        contentType ??= value;
    }
  }
  if (name === undefined) throw invalid('a part has no name');
  return { name, contentType };
}

function invalid(why: string): GatewayError {
  return new GatewayError('request_invalid', `the body is not valid multipart/form-data: ${why}`);
}
