/** Last-Event-ID of clients that come back to a stream. */
import assert from 'node:assert/strict';
import { eventIdText, readEventId } from '../../../bridge/streams/event-id';
import type { FuzzTarget } from '../target';

const STREAM = 'AbCdEfGhIjKlMnOpQr-_12';

export const EVENT_ID: FuzzTarget = {
  name: 'event-id',
  samples: [`kks1.${STREAM}.0`, `kks1.${STREAM}.999999999`, `kks1.${STREAM}.007`].map((text) =>
    Buffer.from(text),
  ),
  tokens: ['kks1.', STREAM, '.', '0', '-', '\n', ' '],
  run: (input) => {
    // A byte is a character, as in all headers from Kong.
    const text = input.toString('latin1');
    const id = readEventId(text);
    if (id === undefined) return;
    assert.match(id.streamId, /^[A-Za-z0-9_-]{22}$/);
    assert.ok(Number.isSafeInteger(id.number) && id.number >= 0);
    assert.deepEqual(readEventId(eventIdText(id)), id);
    assert.equal(text.replace(/\.0*(?=\d+$)/, '.'), eventIdText(id), 'nothing is around it');
  },
};
