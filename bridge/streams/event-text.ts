/** A reply as a server-sent event (WHATWG HTML, 9.2.6), without its id. */
import type { HttpAnswer } from '../errors';

/** Strict: bytes that are not UTF-8 are an error. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** `message` where nothing else is said; `failure` for an error, `binary` for base64 of what is no text. */
export function eventBlock({ status, headers, body }: HttpAnswer): string {
  const kind = status >= 400 ? 'event: failure\n' : '';
  const text = headers['content-encoding'] === undefined ? textOf(body) : undefined;
  return text === undefined
    ? `event: binary\ndata: ${body.toString('base64')}\n\n`
    : `${kind}${dataLines(text)}\n`;
}

/** An event of ours: `end`, `gap`. */
export function namedEvent(name: string, facts: Readonly<Record<string, unknown>>): string {
  return `event: ${name}\ndata: ${JSON.stringify(facts)}\n\n`;
}

/** All three kinds of line breaks end a field: a reply can make lines of its own data, and nothing else. */
function dataLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join('');
}

function textOf(body: Buffer): string | undefined {
  try {
    return UTF8.decode(body);
  } catch {
    return undefined;
  }
}
