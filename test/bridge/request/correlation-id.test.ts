import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlationIdFromBytes } from '../../../bridge/reply/dialects';
import { correlationId } from '../../../bridge/request/correlation-id';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('generated ids are random, whatever the client says', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => correlationId('generated', 'mine')));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, UUID_V4);
});

test('a client without an id gets one', () => {
  assert.match(correlationId('client', undefined), UUID_V4);
});

for (const id of ['x', '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', '!'.repeat(128)]) {
  test(`the client's ${id.slice(0, 40)} is used, and known again in a reply`, () => {
    assert.equal(correlationId('client', id), id);
    assert.equal(correlationIdFromBytes(Buffer.from(id)), id);
  });
}

for (const id of ['', 'a b', 'caf\xe9', 'a\0b', 'a\tb', 'x'.repeat(129)]) {
  test(`an id that cannot travel is refused: ${JSON.stringify(id).slice(0, 20)}`, () => {
    assert.throws(() => correlationId('client', id), { code: 'request_invalid' });
  });
}
