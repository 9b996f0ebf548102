/** What is kept of a stream, and the ids by which a client comes back to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import { eventIdText, NUMBERED, readEventId } from '../../../bridge/streams/event-id';
import { EventLog } from '../../../bridge/streams/event-log';
import { eventBlock } from '../../../bridge/streams/event-text';
import { receivedRecord } from '../../support/records';

const FACTS = { atMs: 1 };

test('the oldest go first, by number and by bytes, and the newest stays', () => {
  const held = bytesInFlight.held;
  const byNumber = new EventLog({ bufferEvents: 2, bufferBytes: 1_000_000 });
  for (const block of ['a', 'b', 'c']) byNumber.append(block, FACTS);
  assert.deepEqual([byNumber.last, byNumber.dropped], [3, 1]);
  assert.deepEqual(byNumber.next(1), { number: 2, content: 'b', facts: FACTS });
  assert.equal(byNumber.next(0), undefined);
  assert.equal(byNumber.next(3), undefined);
  const byBytes = new EventLog({ bufferEvents: 100, bufferBytes: 500 });
  byBytes.append('x'.repeat(300), FACTS);
  byBytes.append('y'.repeat(2000), FACTS);
  assert.equal(byBytes.dropped, 1);
  assert.equal(byBytes.next(1)?.content.length, 2000);
  byNumber.clear();
  byBytes.clear();
  assert.equal(bytesInFlight.held, held);
});

/** Each that was dropped moved all others. */
test('however many have been dropped, numbers lead to their events', () => {
  const held = bytesInFlight.held;
  const log = new EventLog({ bufferEvents: 5, bufferBytes: 1_000_000 });
  for (let number = 1; number <= 1000; number++) {
    log.append(`event ${number}`, FACTS);
    assert.equal(log.dropped, Math.max(0, number - 5));
    assert.equal(log.next(number - 1)?.content, `event ${number}`);
    assert.equal(log.next(log.dropped)?.number, log.dropped + 1);
    assert.equal(log.next(log.dropped - 1), undefined);
  }
  log.clear();
  assert.equal(bytesInFlight.held, held);
});

test('what has no text yet keeps its place, and what follows waits for it', () => {
  const held = bytesInFlight.held;
  const log = new EventLog({ bufferEvents: 3, bufferBytes: 1_000_000 });
  const record = receivedRecord({ topic: 'replies', value: 'x'.repeat(1000) });
  log.append(record, FACTS);
  log.append('end', FACTS);
  const first = log.unread!;
  assert.deepEqual([first.number, log.next(0)], [1, undefined]);
  log.read(first, 'first');
  assert.deepEqual([log.next(0)?.content, log.next(1)?.content, log.unread], ['first', 'end', undefined]);
  log.append(record, FACTS);
  const third = log.unread!;
  for (const block of ['4', '5', '6']) log.append(block, FACTS);
  log.read(third, 'too late');
  assert.deepEqual([log.next(log.dropped)?.content, log.unread], ['4', undefined]);
  log.clear();
  assert.equal(bytesInFlight.held, held);
});

test('an event id is ours or none', () => {
  const here = { streamId: 'A'.repeat(22), number: 7, place: undefined };
  assert.deepEqual(readEventId(eventIdText(here)), here);
  const place = {
    counter: 'abcdefgh',
    replies: 6,
    offsets: new Map([
      [0, 12],
      [31, 9_007_199_254_740],
    ]),
    asOfMs: 1_795_000_000_000,
    quietMs: 20_000,
    isEnd: false,
  };
  const anywhere = { streamId: 'A'.repeat(50), number: 7, place };
  for (const id of [
    anywhere,
    { ...anywhere, place: { ...place, isEnd: true, offsets: undefined } },
    { ...anywhere, place: { ...place, offsets: new Map<number, number>() } },
    { ...anywhere, place: { ...place, offsets: new Map([[NUMBERED, 6]]) } },
  ])
    assert.deepEqual(readEventId(eventIdText(id)), id);
  for (const other of ['', '7', 'kk', undefined, ['x']]) assert.equal(readEventId(other), undefined);
});

/** A client that got an id of ours must never be a new request, whatever has become of the id on its way. */
test('what begins as ours and cannot be read is of no stream', () => {
  const stem = `kks2.${'A'.repeat(50)}.7.abcdefgh.6.1795000000000.0`;
  for (const broken of [
    'kks1.short.1',
    `kks1.${'A'.repeat(22)}.-1`,
    `kks1.${'A'.repeat(22)}.9999999999`,
    'kks3.of a later version',
    stem,
    `${stem}.0`,
    `${stem}.0:1,`,
    `${stem}.0:1:2`,
    `${stem}.0:-1`,
    `${stem}.-1:1`,
    `${stem}.nn:1`,
    `${stem}.0:n`,
    `${stem}.0:1.ends`,
    `${stem}.0:1\n`,
    `${stem}.${Array.from({ length: 65 }, (_, partition) => `${partition}:1`).join(',')}`,
    `${stem}.${'1'.repeat(3000)}`,
  ])
    assert.deepEqual(readEventId(broken), { streamId: '', number: 0, place: undefined }, broken);
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
