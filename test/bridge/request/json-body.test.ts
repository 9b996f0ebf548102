import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText, parseJson } from '../../../bridge/request/json-body';

const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));

test('valid JSON keeps its text', () => {
  const text = '{ "n": 12345678901234567890, "n": 1.10, "s": "[[\\"{" }';
  assert.equal(jsonText(Buffer.from(text)), text);
  assert.deepEqual(parseJson(Buffer.from('{"a":[1]}')), { a: [1] });
});

for (const [what, body] of [
  ['a cut object', Buffer.from('{"a":')],
  ['nothing', Buffer.alloc(0)],
  ['a byte order mark', Buffer.from('\ufeff{}')],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['NaN', Buffer.from('NaN')],
] as const) {
  test(`invalid: ${what}`, () => {
    assert.throws(() => jsonText(body), { code: 'request_invalid' });
    assert.throws(() => parseJson(body), { code: 'request_invalid' });
  });
}

test('64 levels are enough, brackets in strings do not count', () => {
  assert.ok(jsonText(nested(64)));
  assert.throws(() => jsonText(nested(65)), { code: 'request_invalid', message: /deeper than 64/ });
  assert.throws(() => parseJson(nested(200_000)), { code: 'request_invalid' });
  assert.ok(jsonText(Buffer.from(JSON.stringify('[{"'.repeat(100)))));
});

test('the error does not quote the body', () => {
  assert.throws(
    () => jsonText(Buffer.from('{"password":"hunter2"')),
    (error: Error) => !String(error.stack).includes('hunter2') && error.cause === undefined,
  );
});
