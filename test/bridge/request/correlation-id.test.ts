import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireIdFromText, wireIdToText } from '../../../bridge/reply/apart';
import { correlationIdFromBytes } from '../../../bridge/reply/dialects';
import { wireId } from '../../../bridge/request/correlation-id';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('generated ids are random, whatever the client says', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => wireId('generated', 'mine').id));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, UUID_V4);
});

/** A second header with a second id would be bytes in every record, and say nothing. */
test('an id of ours has no other one beside it', () => {
  assert.equal(wireId('generated', 'mine').requestId, undefined);
  assert.equal(wireId('client', undefined).requestId, undefined);
});

test("beside a client's id there is one of ours, another one each time", () => {
  const [one, other] = [wireId('client', 'mine'), wireId('client', 'mine')];
  assert.match(one.requestId!, UUID_V4);
  assert.notEqual(one.requestId, other.requestId);
});

test('both ids cross to a consumer in another process, or the one there is', () => {
  for (const wire of [wireId('client', 'mine'), wireId('generated', undefined)])
    assert.deepEqual(wireIdFromText(wireIdToText(wire)), { requestId: undefined, ...wire });
});

test('a client without an id gets one', () => {
  assert.match(wireId('client', undefined).id, UUID_V4);
});

for (const id of ['x', '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', '!'.repeat(128)]) {
  test(`the client's ${id.slice(0, 40)} is used, and known again in a reply`, () => {
    assert.equal(wireId('client', id).id, id);
    assert.equal(correlationIdFromBytes(Buffer.from(id)), id);
  });
}

for (const id of ['', 'a b', 'caf\xe9', 'a\0b', 'a\tb', 'x'.repeat(129)]) {
  test(`an id that cannot travel is refused: ${JSON.stringify(id).slice(0, 20)}`, () => {
    assert.throws(() => wireId('client', id), { code: 'request_invalid' });
  });
}
