/** Last-Event-ID of clients that come back to a stream. */
import assert from 'node:assert/strict';
import { eventIdText, NUMBERED, readEventId } from '../../../bridge/streams/event-id';
import type { FuzzTarget } from '../target';

const HERE = 'AbCdEfGhIjKlMnOpQr-_12';
const ANYWHERE = `${HERE}${HERE}abcdef`;

export const EVENT_ID: FuzzTarget = {
  name: 'event-id',
  samples: [
    `kks1.${HERE}.0`,
    `kks1.${HERE}.999999999`,
    `kks1.${HERE}.007`,
    `kks2.${ANYWHERE}.0.Counter_.0.1790000000000.0.`,
    `kks2.${ANYWHERE}.12.Counter_.11.1790000000000.250.0:11,3:999999999999999`,
    `kks2.${ANYWHERE}.12.Counter_.11.1790000000000.250.*.end`,
    `kks2.${ANYWHERE}.12.Counter_.11.1790000000000.250.n:11,3:4`,
  ].map((text) => Buffer.from(text)),
  tokens: ['kks1.', 'kks2.', HERE, ANYWHERE, '.', ':', ',', '*', '.end', '0:1,', 'n:1', '0', '-', '\n', ' '],
  run: (input) => {
    // A byte is a character, as in all headers from Kong.
    const text = input.toString('latin1');
    const id = readEventId(text);
    if (id === undefined) {
      assert.doesNotMatch(text, /^kks\d/, 'who comes back with one of ours is no new request');
      return;
    }
    const { streamId, number, place } = id;
    if (streamId === '') return;
    assert.match(text, /^[\w.:,*-]{1,2000}$/, 'nothing is around it');
    assert.match(streamId, place === undefined ? /^[A-Za-z0-9_-]{22}$/ : /^[A-Za-z0-9_-]{50}$/);
    const { replies = 0, asOfMs = 0, quietMs = 0, offsets = new Map<number, number>() } = place ?? {};
    const partitions = [...offsets.keys()].filter((partition) => partition !== NUMBERED);
    for (const count of [number, replies, asOfMs, quietMs, ...partitions, ...offsets.values()])
      assert.ok(Number.isSafeInteger(count) && count >= 0);
    assert.deepEqual(readEventId(eventIdText(id)), id);
  },
};
