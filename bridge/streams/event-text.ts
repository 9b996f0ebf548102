/** A reply as a server-sent event (WHATWG HTML, 9.2.6), without its id. */
import type { HttpAnswer } from '../errors';

/** Strict: bytes that are not UTF-8 are an error. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** `message` where nothing else is said; `failure` for an error, `binary` for base64 of what is no text. */
export function eventBlock({ status, headers, body }: HttpAnswer): string {
  const text = headers['content-encoding'] === undefined ? textOf(body) : undefined;
  const [kind, data] =
    text === undefined
      ? ['event: binary\ndata: ', body.toString('base64')]
      : [status >= 400 ? 'event: failure\ndata: ' : 'data: ', dataOf(text)];
  // Joined it is one string; added to each other they were five, which are kept as long as the event is.
  return [kind, data, '\n\n'].join('');
}

/** An event of ours: `end`, `gap`. */
export function namedEvent(name: string, facts: Readonly<Record<string, unknown>>): string {
  return `event: ${name}\ndata: ${JSON.stringify(facts)}\n\n`;
}

/** All three kinds of line breaks end a field: a reply can make lines of its own data, and nothing else. */
function dataOf(text: string): string {
  return text.split(/\r\n|\r|\n/).join('\ndata: ');
}

function textOf(body: Buffer): string | undefined {
  try {
    return UTF8.decode(body);
  } catch {
    return undefined;
  }
}
