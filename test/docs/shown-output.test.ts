import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertShown } from './support/shown-output';

const RESPONSE = 'HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: application/json\r\n\r\n{"id":7}';

test('text is compared to its last character, but for ids and what was left out', () => {
  assertShown('a b\n', 'a b\n');
  assertShown('id 01a19ff2-91ef-4430-92fe-35c4a9bea337', 'id 3a3d8826-c17e-4227-90b2-3c2704e1c6cf');
  assertShown('{"id":"abc","n":1}', '{"id":"…","n":1}');
  assert.throws(() => assertShown('a bc', 'a b'));
  assert.throws(() => assertShown('a.b', 'axb'));
  assert.throws(() => assertShown('id 7', 'id 3a3d8826-c17e-4227-90b2-3c2704e1c6cf'));
});

test('a response is compared by its status, the headers that are shown, and its body', () => {
  assertShown(RESPONSE, 'HTTP/1.1 200 OK\ncontent-type: application/json\n\n{"id":7}\n');
  assertShown(RESPONSE, 'HTTP/1.1 200 OK\n');
  assert.throws(() => assertShown(RESPONSE, 'HTTP/1.1 201 Created\n'));
  assert.throws(() => assertShown(RESPONSE, 'HTTP/1.1 200 OK\nx-other: 1\n'));
  assert.throws(() => assertShown(RESPONSE, 'HTTP/1.1 200 OK\n\n{"id":8}\n'));
});
