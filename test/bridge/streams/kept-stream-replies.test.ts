/** The replies that are kept for streams of other processes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesInFlight } from '../../../bridge/bytes-in-flight';
import { KeptStreamReplies } from '../../../bridge/streams/kept-stream-replies';
import { FakeClock } from '../../support/fake-clock';
import { receivedRecord } from '../../support/records';

const WIDE = { ttlMs: 1000, count: 100, bytes: 1_000_000 };

function keeping(bounds = WIDE, mostRemembered?: number) {
  const clock = new FakeClock();
  const kept = new KeptStreamReplies(clock, mostRemembered);
  kept.setBounds(bounds);
  const keep = (id: string, partition: number, offset: number) =>
    kept.keep(id, { ...receivedRecord({ topic: 'replies', value: id }), partition, offset });
  const places = (id: string) =>
    kept.of(id).map(({ partition, offset, record }) => `${partition}:${offset}${record ? '' : ' gone'}`);
  return { clock, kept, keep, places };
}

test('what was read back after newer ones is in its place, and each is kept once', () => {
  const { keep, places, kept } = keeping();
  for (const [partition, offset] of [
    [0, 8],
    [1, 3],
    [0, 9],
    [0, 5],
    [1, 2],
    [0, 7],
  ] as const)
    assert.ok(keep('a', partition, offset));
  for (const offset of [5, 8, 9]) assert.equal(keep('a', 0, offset), false);
  keep('b', 0, 6);
  const of = (partition: string) => places('a').filter((place) => place.startsWith(partition));
  assert.deepEqual(
    [of('0:'), of('1:')],
    [
      ['0:5', '0:7', '0:8', '0:9'],
      ['1:2', '1:3'],
    ],
  );
  assert.deepEqual([places('b'), places('c')], [['0:6'], []]);
  kept.clear();
});

test('the oldest are put out by count and by bytes, and it is remembered that they were there', () => {
  const held = bytesInFlight.held;
  const { clock, keep, places, kept } = keeping({ ...WIDE, count: 2 });
  for (const offset of [1, 2, 3]) keep('a', 0, offset);
  keep('b', 0, 4);
  assert.deepEqual([places('a'), places('b')], [['0:1 gone', '0:2 gone', '0:3'], ['0:4']]);
  assert.equal(kept.droppedEarly, 2);
  assert.equal(bytesInFlight.held - held, kept.bytes);
  kept.setBounds({ ...WIDE, bytes: 1 });
  assert.deepEqual([kept.count, kept.bytes], [0, 0]);
  assert.deepEqual(places('b'), ['0:4 gone']);
  clock.advance(1001);
  assert.deepEqual([places('a'), places('b')], [[], []]);
  assert.equal(bytesInFlight.held, held);
});

test('beyond some it is not known any more what was there, and that is', () => {
  const { clock, keep, kept } = keeping({ ...WIDE, count: 0 }, 2);
  for (const offset of [1, 2, 3]) {
    keep('a', 0, offset);
    clock.advance(100);
  }
  assert.equal(kept.hasForgotten(1000), true, 'who was there until then may have missed the first');
  assert.equal(kept.hasForgotten(1001), false);
});
