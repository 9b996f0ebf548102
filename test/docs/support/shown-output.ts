/** Whether a command has printed what its page shows. Ids differ each time, and `…` stands for anything in one line. */
import assert from 'node:assert/strict';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** @throws AssertionError */
export function assertShown(printed: string, shown: string): void {
  if (shown.startsWith('HTTP/')) assertResponse(printed, shown);
  else assert.match(printed.trimEnd(), patternOf(shown.trimEnd()));
}

/** Headers in any order, and others beside them. A page that shows no body says nothing of it. */
function assertResponse(printed: string, shown: string): void {
  const expected = responseOf(shown);
  const actual = responseOf(printed);
  assert.equal(actual.status, expected.status);
  for (const [name, value] of expected.headers) {
    const found = actual.headers.get(name);
    assert.ok(found !== undefined, `no header ${name} in:\n${printed}`);
    assert.match(found, patternOf(value));
  }
  if (expected.body !== '') assert.match(actual.body, patternOf(expected.body));
}

function responseOf(text: string) {
  const [head = '', ...body] = text.replaceAll('\r\n', '\n').split('\n\n');
  const [status = '', ...lines] = head.trimEnd().split('\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status, headers: new Map(headers), body: body.join('\n\n').trimEnd() };
}

function patternOf(text: string): RegExp {
  const literal = text
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('…', '.*')
    .replace(new RegExp(UUID, 'g'), UUID);
  return new RegExp(`^${literal}$`);
}
