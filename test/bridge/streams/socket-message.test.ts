/** What a message of a WebSocket means, and what is said of its replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMessage, replyMessage } from '../../../bridge/streams/socket-message';

const read = (text: string) => {
  const { reference, body, contentType } = readMessage(Buffer.from(text), false);
  return [reference, body.toString(), contentType];
};

test('an envelope has a reference and a body, which keeps its digits', () => {
  assert.deepEqual(read('{"ref":"a","body":{"n":12345678901234567890}}'), [
    'a',
    '{"n":12345678901234567890}',
    'application/json',
  ]);
  assert.deepEqual(read('{"body": [1, 2] ,"ref":"b"}'), ['b', '[1, 2]', 'application/json']);
});

test('an envelope may have a key, which is looked at later', () => {
  const keyOf = (text: string) => {
    const { reference, key, body } = readMessage(Buffer.from(text), false);
    return [reference, key, body.toString()];
  };
  assert.deepEqual(keyOf('{"key":"k","body":1,"ref":"a"}'), ['a', 'k', '1']);
  assert.deepEqual(keyOf('{"ref":"a","key":null,"body":1}'), ['a', null, '1']);
  assert.deepEqual(keyOf('{"ref":"a","body":1}'), ['a', undefined, '1']);
  assert.deepEqual(keyOf('{"key":"k","body":1}'), [undefined, undefined, '{"key":"k","body":1}']);
});

test('all else is a body', () => {
  for (const text of [
    '{"ref":"a","body":1,"more":2}',
    '{"ref":1,"body":1}',
    '{"ref":"a"}',
    `{"ref":"${'x'.repeat(200)}","body":1}`,
    '{"ref":"a","body":1',
    '[1]',
  ])
    assert.deepEqual(read(text), [undefined, text, 'application/json']);
  assert.deepEqual(read('hello'), [undefined, 'hello', 'text/plain; charset=utf-8']);
  const deep = `{"ref":"a","body":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  assert.equal(read(deep)[0], undefined);
  assert.equal(
    readMessage(Buffer.from('{"ref":"a","body":1}'), true).reference,
    undefined,
    'bytes are bytes',
  );
});

test('a reply stands in its message as JSON, as text, or in base64', () => {
  const say = (body: Buffer | string, headers = {}) =>
    JSON.parse(replyMessage('"', { status: 201, headers, body: Buffer.from(body as string) })) as object;
  assert.deepEqual(say('{"a":1}'), { ref: '"', status: 201, headers: {}, body: { a: 1 } });
  assert.deepEqual(say('a"b'), { ref: '"', status: 201, headers: {}, body: 'a"b' });
  assert.deepEqual(say(''), { ref: '"', status: 201, headers: {}, body: null });
  assert.deepEqual(say(Buffer.from([255])), { ref: '"', status: 201, headers: {}, body_base64: '/w==' });
  assert.deepEqual(
    JSON.parse(replyMessage('a', { status: 200, headers: {}, body: Buffer.from('1') }, true)),
    { ref: 'a', status: 200, replayed: true, headers: {}, body: 1 },
  );
});
