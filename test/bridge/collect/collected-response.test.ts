/** Several answers in one: what each form can hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectedResponse } from '../../../bridge/collect/collected-response';

const COMPLETE = { isComplete: true, missing: undefined };

function reply(body: string | Buffer, status = 200, headers: Record<string, string | string[]> = {}) {
  return { status, headers, body: Buffer.from(body as string), droppedHeaders: 1 };
}

test('the status is that of all replies, or 200', () => {
  const status = (...statuses: number[]) =>
    collectedResponse(
      statuses.map((one) => reply('1', one)),
      'array',
      COMPLETE,
    ).status;
  assert.equal(status(201, 201), 201);
  assert.equal(status(201, 404), 200);
  assert.equal(status(404, 404), 404);
  assert.equal(status(204, 204), 200, 'there is a body');
  assert.equal(status(), 200);
});

test('what cannot be JSON is an error that says what can be done', () => {
  const bad = [
    reply(Buffer.from([0xff, 0xfe])),
    reply('[', 200, { 'content-encoding': 'gzip' }),
    reply('['.repeat(100) + ']'.repeat(100)),
  ];
  for (const form of ['array', 'ndjson'] as const)
    for (const one of bad)
      assert.throws(() => collectedResponse([one], form, COMPLETE), {
        code: 'reply_invalid',
        message: /multipart/,
      });
  for (const one of bad) assert.ok(collectedResponse([one], 'multipart', COMPLETE).body.includes(one.body));
});

test('text that looks like the rest of an array stays inside its string', () => {
  const { body } = collectedResponse([reply('1],[2'), reply('"a",1')], 'array', COMPLETE);
  assert.deepEqual(JSON.parse(body.toString()), ['1],[2', '"a",1']);
});

test('each JSON value is one line, and its strings are untouched', () => {
  const { body } = collectedResponse([reply('{"a":\r\n"b\\nc"}'), reply('two\nlines')], 'ndjson', COMPLETE);
  const lines = body.toString().trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ a: 'b\nc' }, 'two\nlines'],
  );
});

test('a header that comes twice is twice in its part, and what was dropped is counted', () => {
  const { body, droppedHeaders } = collectedResponse(
    [reply('x', 200, { 'x-a': ['1', '2'] }), reply('y')],
    'multipart',
    COMPLETE,
  );
  assert.match(body.toString(), /x-a: 1\r\nx-a: 2\r\n\r\nx\r\n/);
  assert.equal(droppedHeaders, 2);
});
