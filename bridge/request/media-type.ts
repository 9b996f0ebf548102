/** What a content type says of a body. */

/** `text/plain` of `Text/Plain; charset=utf-8`; "" when there is none. */
export function essenceOf(contentType: string | undefined): string {
  if (contentType === undefined) return '';
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

/** A parameter of a content type, or of a header of the same form, without its quotes. */
export function parameterOf(headerValue: string, name: string): string | undefined {
  for (const [, found, quoted, plain] of headerValue.matchAll(PARAMETER)) {
    if (found!.toLowerCase() !== name) continue;
    return quoted === undefined ? plain!.trim() : quoted.replace(/\\(["\\])/g, '$1');
  }
  return undefined;
}

/** The same content type, saying that its text is UTF-8 wherever it has named a charset. */
export function inUtf8(contentType: string): string {
  return contentType.replace(PARAMETER, (parameter, name: string) =>
    name.toLowerCase() === 'charset' ? '; charset=utf-8' : parameter,
  );
}

export function isJson(essence: string): boolean {
  return /^[a-z0-9!#$&^_.+-]+\/(?:[a-z0-9!#$&^_.+-]+\+)?json$/.test(essence);
}

/** Media types whose bodies are text, if their bytes are. */
export function isText(essence: string): boolean {
  return (
    essence.startsWith('text/') ||
    essence === 'application/xml' ||
    essence.endsWith('+xml') ||
    essence === 'application/x-www-form-urlencoded'
  );
}
