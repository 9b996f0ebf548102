import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvelope } from '../../../bridge/reply/reply-envelope';

const read = (json: string | Buffer) => readEnvelope(Buffer.from(json as string));

test('status, headers and body come as they were sent', () => {
  const envelope = read('{"status":201,"headers":{"X-A":"1","link":["<a>","<b>"]},"body":{"ok":true}}');
  assert.equal(envelope.status, 201);
  assert.deepEqual(
    envelope.headers.map(([name, value]) => [name, value.toString()]),
    [
      ['X-A', '1'],
      ['link', '<a>'],
      ['link', '<b>'],
    ],
  );
  assert.equal(envelope.body.toString(), '{"ok":true}');
});

const BODIES: [json: string, body: string, type: string | undefined][] = [
  ['{}', '', undefined],
  ['{"status":null,"headers":null,"body":null,"body_base64":null}', '', undefined],
  ['{"body":"text"}', 'text', 'text/plain; charset=utf-8'],
  ['{"body":""}', '', 'text/plain; charset=utf-8'],
  ['{"body":"\\u20ac"}', '€', 'text/plain; charset=utf-8'],
  ['{"body":"\\ud800"}', '\ufffd', 'text/plain; charset=utf-8'],
  ['{"body": [1, 2] }', '[1, 2]', 'application/json'],
  ['{"body":false}', 'false', 'application/json'],
  ['{"body":0}', '0', 'application/json'],
  // A parsed and printed number would come out as 12345678901234567000.
  ['{"body":{"id":12345678901234567890}}', '{"id":12345678901234567890}', 'application/json'],
  ['{"body":{"a":1},"body":{"a":2}}', '{"a":2}', 'application/json'],
  ['{"body_base64":"AP8="}', '\u0000\ufffd', undefined],
  ['{"body_base64":""}', '', undefined],
  // The correlation id of `match: body_field`, for one.
  ['{"correlation-id":"x","__proto__":{"status":500},"body":"b"}', 'b', 'text/plain; charset=utf-8'],
];

for (const [json, body, type] of BODIES) {
  test(`the body of ${json}`, () => {
    const envelope = read(json);
    assert.equal(envelope.body.toString(), body);
    assert.equal(envelope.bodyType, type);
    assert.equal(envelope.status, undefined);
  });
}

const nested = (depth: number) => `{"body":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

test('64 levels are not too deep', () => {
  assert.equal(read(nested(64)).body.length, 126);
});

const INVALID: [what: string, json: string | Buffer, why: RegExp][] = [
  ['no bytes', '', /not valid JSON/],
  ['text', 'hello', /not valid JSON/],
  ['cut off', '{"body":"x"', /not valid JSON/],
  ['two byte order marks', '\ufeff\ufeff{}', /not valid JSON/],
  ['not UTF-8', Buffer.from('{"body":"\xff"}', 'latin1'), /not valid JSON/],
  ['NaN', '{"body":NaN}', /not valid JSON/],
  ['a list', '[]', /not a JSON object/],
  ['null', 'null', /not a JSON object/],
  ['a text', '"x"', /not a JSON object/],
  ['65 levels', nested(65), /deeper than 64/],
  ['a million levels', nested(1_000_000), /deeper than 64/],
  ...['"200"', '199', '600', '200.5', 'true', '[200]', '1e9', '-200', '0'].map(
    (status): [string, string, RegExp] => [`status ${status}`, `{"status":${status}}`, /"status"/],
  ),
  ...['[]', '"x"', '5', 'true', '{"a":1}', '{"a":null}', '{"a":[1]}', '{"a":{}}', '{"a":[["x"]]}'].map(
    (headers): [string, string, RegExp] => [`headers ${headers}`, `{"headers":${headers}}`, /"headers"/],
  ),
  ...['"A"', '"AAA"', '"A A="', '"AP8"', '"AP9="', '"_-8="', '5', '{}'].map(
    (base64): [string, string, RegExp] => [`base64 ${base64}`, `{"body_base64":${base64}}`, /base64/],
  ),
  ['two bodies', '{"body":"x","body_base64":"AA=="}', /both/],
];

for (const [what, json, why] of INVALID) {
  test(`no envelope: ${what}`, () => {
    assert.throws(
      () => read(json),
      (error: { code: string; status: number; detail: string }) => {
        assert.equal(error.code, 'reply_invalid');
        assert.equal(error.status, 502);
        assert.match(error.detail, why);
        return true;
      },
    );
  });
}

test('what is wrong is told without the words of the reply', () => {
  assert.throws(
    () => read('{"body":"secret'),
    (error: Error) => !String(error).includes('secret'),
  );
});

/** Services in .NET begin their JSON with one; the client got 502 for a good reply. */
test('a byte order mark before the envelope is left out', () => {
  const { status, body } = readEnvelope(Buffer.from('\ufeff{"status":201,"body":{"n":1.0}}'));
  assert.deepEqual([status, body.toString()], [201, '{"n":1.0}']);
});
