/** One stream, its client and the reading of its replies in the hands of the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import type { HttpAnswer } from '../../../bridge/errors';
import type { Exchange } from '../../../bridge/exchange';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { ReplyStream } from '../../../bridge/streams/reply-stream';
import type { StreamRule } from '../../../bridge/streams/stream-rule';
import { receivedRecord } from '../../support/records';

const RULE = { bufferEvents: 3, bufferBytes: 100_000, maxLifeMs: 60_000, resumeMs: 0 } as StreamRule;

function streamed() {
  const reading: { record: ReceivedRecord; use: (answer: HttpAnswer) => void }[] = [];
  const sent: string[] = [];
  const exchange = {
    wait: { isDelivered: true, whenEnded: () => undefined },
    channel: { fail: () => undefined },
  } as unknown as Exchange;
  const stream = new ReplyStream({
    id: 'i'.repeat(22),
    isPortable: false,
    rule: RULE,
    exchange,
    consumer: undefined,
    within: () => () => undefined,
    read: (record, use) => reading.push({ record, use }),
    errorAnswer: () => assert.fail('nothing fails'),
    onSlow: () => assert.fail('the client is not slow'),
    onEnded: () => undefined,
    onForgotten: () => undefined,
  });
  stream.attach({ send: (text) => sent.push(text) > 0, end: () => undefined, drop: () => undefined });
  let offset = 0;
  const say = (value: string) =>
    stream.add({ ...receivedRecord({ topic: 'replies', value }), partition: 0, offset: offset++ });
  /** The schema of the oldest is there. */
  const readOne = () => {
    const { record, use } = reading.shift()!;
    use({ status: 200, headers: {}, body: record.value! });
  };
  const data = () => sent.flatMap((text) => /(?:event: gap\n)?data: .*/.exec(text) ?? []);
  return { stream, say, reading, readOne, data };
}

/** They were kept beside the bounds, and counted nowhere, for as long as the registry took. */
test('replies that wait for a schema are bounded and counted like all that is kept', () => {
  const held = bytesInFlight.held;
  const { stream, say, reading, readOne, data } = streamed();
  for (const value of ['1', '2', '3']) say(value);
  assert.ok(bytesInFlight.held > held);
  const ofThree = bytesInFlight.held;
  for (const value of ['4', '5']) say(value);
  assert.equal(bytesInFlight.held, ofThree);
  assert.equal(reading.length, 1, 'one is read, the others wait where they are counted');
  readOne();
  readOne();
  assert.deepEqual(data(), ['event: gap\ndata: {"missing":2}', 'data: 3']);
  readOne();
  readOne();
  assert.deepEqual(data().slice(2), ['data: 4', 'data: 5']);
  assert.equal(reading.length, 0);
  stream.forget();
  assert.equal(bytesInFlight.held, held);
});

test('a reply whose schema comes when its stream is forgotten leaves nothing behind', () => {
  const held = bytesInFlight.held;
  const { stream, say, readOne } = streamed();
  say('1');
  say('2');
  stream.forget();
  readOne();
  assert.equal(bytesInFlight.held, held);
});
