/** What is kept of a stream, and the ids by which a client comes back to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import { eventIdText, readEventId } from '../../../bridge/streams/event-id';
import { EventLog } from '../../../bridge/streams/event-log';
import { eventBlock } from '../../../bridge/streams/event-text';

test('the oldest go first, by number and by bytes, and the newest stays', () => {
  const held = bytesInFlight.held;
  const byNumber = new EventLog({ bufferEvents: 2, bufferBytes: 1_000_000 });
  for (const block of ['a', 'b', 'c']) byNumber.append(block);
  assert.deepEqual([byNumber.last, byNumber.dropped], [3, 1]);
  assert.deepEqual(byNumber.next(1), { number: 2, block: 'b' });
  assert.equal(byNumber.next(0), undefined);
  assert.equal(byNumber.next(3), undefined);
  const byBytes = new EventLog({ bufferEvents: 100, bufferBytes: 500 });
  byBytes.append('x'.repeat(300));
  byBytes.append('y'.repeat(2000));
  assert.equal(byBytes.dropped, 1);
  assert.equal(byBytes.next(1)?.block.length, 2000);
  byNumber.clear();
  byBytes.clear();
  assert.equal(bytesInFlight.held, held);
});

test('an event id is ours or none', () => {
  const id = { streamId: 'A'.repeat(22), number: 7 };
  assert.deepEqual(readEventId(eventIdText(id)), id);
  for (const other of [
    '',
    '7',
    'kks1.short.1',
    `kks1.${'A'.repeat(22)}.-1`,
    `kks1.${'A'.repeat(22)}.9999999999`,
    undefined,
    ['x'],
  ])
    assert.equal(readEventId(other), undefined);
});

test('every kind of line break ends a field', () => {
  const block = (body: Buffer | string, status = 200, headers = {}) =>
    eventBlock({ status, headers, body: Buffer.from(body as string) });
  assert.equal(block('a\rb\r\nc\nd'), 'data: a\ndata: b\ndata: c\ndata: d\n\n');
  assert.equal(block(''), 'data: \n\n');
  assert.equal(block('no', 404), 'event: failure\ndata: no\n\n');
  assert.equal(block(Buffer.from([255])), 'event: binary\ndata: /w==\n\n');
  assert.equal(block('x', 200, { 'content-encoding': 'gzip' }), 'event: binary\ndata: eA==\n\n');
});
