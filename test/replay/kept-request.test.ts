/** Whoever may write to the topic may try to make the replay send something else than a request to the service. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKeptRequest, type KeptRequest } from '../../replay/kept-request';
import { receivedRecord } from '../support/records';

const LEAST = { id: 'r1', method: 'POST', uri: '/orders?day=1', headers: {}, body: 'x' };
const read = (more: object) =>
  readKeptRequest(receivedRecord({ value: JSON.stringify({ ...LEAST, ...more }) }));

test('what the plugin has written is read', () => {
  assert.deepEqual(
    read({
      timestamp: 1_700_000_000.5,
      headers: { 'x-a': 'b', 'x-tags': ['a', 'ü'] },
      body: 'ü',
      service: 'orders',
      status: 504,
      delivered: 'no',
    }),
    {
      id: 'r1',
      timestampMs: 1_700_000_000_500,
      method: 'POST',
      uri: '/orders?day=1',
      headers: [
        ['x-a', 'b'],
        ['x-tags', 'a'],
        ['x-tags', 'ü'],
      ],
      body: Buffer.from('ü'),
      service: 'orders',
      status: 504,
      mayBeDelivered: false,
    },
  );
  const bytes = read({ body: undefined, body_base64: '/wA=' }) as KeptRequest;
  assert.deepEqual(bytes.body, Buffer.from([0xff, 0]));
});

test('what is not said is taken for delivered', () => {
  for (const delivered of [undefined, 'maybe', 'NO', false, 0])
    assert.equal((read({ delivered }) as KeptRequest).mayBeDelivered, true, String(delivered));
});

const HOSTILE: [what: string, members: object, complaint: string][] = [
  ['an id that ends its header', { id: 'r\r\nx: y' }, 'id is not one'],
  ['an id without an end', { id: 'r'.repeat(201) }, 'id is not one'],
  ['an id that is none', { id: '' }, 'id is not one'],
  ['a tunnel', { method: 'CONNECT' }, 'method is not one'],
  ['a method that ends its line', { method: 'GET /x HTTP/1.1\r\n' }, 'method is not one'],
  ['a method of a prototype', { method: 'constructor' }, 'method is not one'],
  ['another host', { uri: 'http://evil.example/' }, 'uri is not a path'],
  ['an authority', { uri: '@evil.example/' }, 'uri is not a path'],
  ['a path that ends its line', { uri: '/x HTTP/1.1\r\nhost: evil' }, 'uri is not a path'],
  ['a fragment', { uri: '/x#y' }, 'uri is not a path'],
  ['no path', { uri: '' }, 'uri is not a path'],
  ['no body', { body: undefined }, 'there is neither body nor body_base64'],
  ['a body of numbers', { body: [1] }, 'there is neither body nor body_base64'],
  ['a header that ends its line', { headers: { a: 'b\r\nc: d' } }, 'headers are not names and values'],
  ['a name that ends its line', { headers: { 'a: b\r\nc': 'd' } }, 'headers are not names and values'],
  ['a name that is none', { headers: { '': 'd' } }, 'headers are not names and values'],
  ['a value that is none', { headers: { a: 1 } }, 'headers are not names and values'],
  ['a value within a value', { headers: { a: [['b']] } }, 'headers are not names and values'],
  ['headers in a list', { headers: [] }, 'headers are not names and values'],
];
for (const [what, members, complaint] of HOSTILE)
  test(`${what} is refused`, () => assert.equal(read(members), complaint));

test('what is no object is refused', () => {
  for (const value of ['', '{', 'null', '[]', '"x"', '1', null])
    assert.match(readKeptRequest(receivedRecord({ value })) as string, /^the value is not /, String(value));
});
