import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fromNativeMessage,
  toNativeBytes,
  toNativeHeaders,
  toNativeKey,
} from '../../../bridge/kafka/record-conversion';

const record = (headers: Array<[string, string]>) => ({ topic: 't', value: null, headers });

test('headers keep order and duplicates', () => {
  const native = toNativeHeaders(record([['a', '1'], ['b', ''], ['a', 'ü']])); // prettier-ignore
  assert.deepEqual(native.map(Object.entries), [[['a', '1']], [['b', '']], [['a', 'ü']]]);
});

test('a header called __proto__ becomes an own property', () => {
  const [header] = toNativeHeaders(record([['__proto__', 'x']]));
  assert.deepEqual(Object.keys(header ?? {}), ['__proto__']);
});

for (const [what, headers] of [
  ['a NUL in a value', [['a', 'b\0c']]],
  ['a NUL in a name', [['a\0', 'b']]],
  ['half a surrogate pair', [['a', '\ud83d']]],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => toNativeHeaders(record(headers.map(([n, v]) => [n, v]))), {
      code: 'request_invalid',
      // The client is not told which topic and which header of the record.
      reason: 'a header of the record is not text that Kafka clients can carry (NUL or a broken surrogate)',
    });
  });
}

test('a whole surrogate pair is fine', () => {
  const [header] = toNativeHeaders(record([['a', '😀']]));
  assert.equal(header?.a, '😀');
});

test('string keys go out as bytes, so that a NUL does not cut them', () => {
  assert.deepEqual(toNativeKey('a\0b'), Buffer.from('a\0b'));
  assert.deepEqual(toNativeKey(Buffer.from([0, 255])), Buffer.from([0, 255]));
  assert.equal(toNativeKey(null), null);
  assert.equal(toNativeKey(undefined), null);
});

test('empty bytes have memory behind them, because the binding sends them as null otherwise', () => {
  for (const empty of [toNativeBytes(Buffer.alloc(0)), toNativeKey(''), toNativeKey(Buffer.alloc(0))]) {
    assert.equal(empty?.length, 0);
    assert.ok(empty.buffer.byteLength > 0);
  }
  assert.equal(toNativeBytes(null), null);
});

test('a received message without key, value, headers and timestamp is complete', () => {
  assert.deepEqual(fromNativeMessage({ topic: 't', partition: 1, offset: 2, value: null }), {
    topic: 't',
    partition: 1,
    offset: 2,
    timestamp: -1,
    key: null,
    value: null,
    headers: [],
  });
});

test('received headers are pairs, also the one that the binding turns into a prototype', () => {
  // What `header['__proto__'] = bytes` does to an object.
  const proto = Object.create(Buffer.from('evil')) as Record<string, Buffer>;
  const message = {
    topic: 't',
    partition: 0,
    offset: 0,
    value: null,
    headers: [{ a: Buffer.from('1') }, proto],
  };
  assert.deepEqual(fromNativeMessage(message).headers, [
    ['a', Buffer.from('1')],
    ['__proto__', Buffer.from('evil')],
  ]);
});
