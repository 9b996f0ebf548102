import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { jsonBody } from '../../../bridge/request/json-body';
import { bodyOf, httpRequest } from '../../support/requests';

const bodyIn = (body: string | Buffer, contentType?: string) => jsonBody(bodyOf(contentType, body));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** What a client is told of its body. */
function reasonOf(read: () => unknown): string | undefined {
  try {
    read();
  } catch (error) {
    if (error instanceof GatewayError) return `${error.status}: ${error.reason}`;
    throw error;
  }
  return undefined;
}

test('valid JSON keeps its text', () => {
  const text = '{ "n": 12345678901234567890, "n": 1.10, "s": "[[\\"{" }';
  assert.equal(bodyIn(text).text, text);
  assert.deepEqual(bodyIn('{"a":[1]}').value, { a: [1] });
});

for (const [what, body, reason] of [
  ['a cut object', '{"a":', 'the body is not JSON: unexpected end at byte 5'],
  ['nothing', '', 'the body is not JSON: unexpected end at byte 0'],
  ['nothing but a byte order mark', '\ufeff', 'the body is not JSON: unexpected end at byte 3'],
  ['NaN', 'NaN', 'the body is not JSON: unexpected character at byte 0'],
  ['text behind the end', '\ufeff{} x', 'the body is not JSON: unexpected character at byte 6'],
  ['a line break in a text', '{"é":"\n"}', 'the body is not JSON: control character in a text at byte 7'],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x22, 0xff, 0x22]),
    'the body is not JSON: invalid UTF-8 at byte 1',
  ],
  ['65 levels', nested(65), 'the JSON body is nested deeper than 64 levels'],
  ['200,000 levels', nested(200_000), 'the JSON body is nested deeper than 64 levels'],
] as const) {
  test(`invalid: ${what}`, () => {
    assert.equal(
      reasonOf(() => bodyIn(body)),
      `400: ${reason}`,
    );
  });
}

test('64 levels are enough, brackets in strings do not count', () => {
  assert.ok(bodyIn(nested(64)));
  assert.ok(bodyIn(JSON.stringify('[{"'.repeat(100))));
});

test('the error does not quote the body', () => {
  assert.throws(
    () => bodyIn('{"password":"hunter2"'),
    (error: Error) => !String(error.stack).includes('hunter2') && error.cause === undefined,
  );
});

/** PowerShell and .NET send the mark; JSON.parse refuses it, and these clients got 400 without a reason. */
test('a byte order mark before JSON is left out', () => {
  const { bytes, text, value } = bodyIn('\ufeff{"a":1}');
  assert.deepEqual([bytes.toString(), text, value], ['{"a":1}', '{"a":1}', { a: 1 }]);
});

test('JSON in another charset is read, and becomes UTF-8', () => {
  const text = '{"a":"é"}';
  const utf16 = Buffer.from(text, 'utf16le');
  for (const [contentType, body] of [
    ['application/json; charset=ISO-8859-1', Buffer.from(text, 'latin1')],
    ['application/json;charset="utf-16le"', utf16],
    ['application/json; charset=UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    [
      'application/json; charset=utf-16',
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
    ],
    ['application/json; charset=utf-16', Buffer.from(utf16).swap16()],
    ['application/json; charset="UTF8"', Buffer.from(text)],
  ] as const) {
    assert.equal(bodyIn(body, contentType).bytes.toString(), text, contentType);
  }
});

test('a charset nobody knows, and bytes that are not of the one that is named, are the fault of the client', () => {
  const read = (charset: string, body: Buffer) => () => bodyIn(body, `application/json; charset=${charset}`);
  const unknown = '415: the charset that the content type names cannot be read here; send UTF-8';
  assert.equal(reasonOf(read('utf-7', Buffer.from('{}'))), unknown);
  assert.equal(reasonOf(read('"hunter2"', Buffer.from('{}'))), unknown);
  const damaged = '400: the body is not in the charset that its content type names';
  assert.equal(reasonOf(read('utf-16le', Buffer.from('{}x'))), damaged);
  assert.equal(reasonOf(read('shift_jis', Buffer.from([0x22, 0x83]))), damaged);
});

test('where the bytes are not those that were sent, the place says so', () => {
  const place = '400: the body is not JSON: unexpected end at byte 1 of the decoded body';
  const decoded = httpRequest({ body: 'compressed', decodedBody: Buffer.from('{') });
  assert.equal(
    reasonOf(() => jsonBody(decoded)),
    place,
  );
  assert.equal(
    reasonOf(() => bodyIn(Buffer.from('{', 'utf16le'), 'text/json; charset=utf-16le')),
    place,
  );
});
