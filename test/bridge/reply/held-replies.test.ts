import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldReplies } from '../../../bridge/reply/held-replies';
import { FakeClock } from '../../support/fake-clock';
import { heldBytes } from '../../support/memory';
import { receivedRecord } from '../../support/records';

const BOUNDS = { maxAgeMs: 1000, maxRecords: 3, maxBytes: 2000 };

test('a held record is found by every id it could be asked for, until it is too old', () => {
  const clock = new FakeClock();
  const held = new HeldReplies(clock, BOUNDS);
  const record = receivedRecord({ value: 'x' });
  held.hold(record, ['by header', 'by key']);
  assert.equal(held.find('by header'), record);
  assert.equal(held.find('by key'), record);
  clock.advance(1001);
  assert.equal(held.find('by header'), undefined);
  assert.equal(held.size, 0);
});

test('of two records under one id the first is found', () => {
  const held = new HeldReplies(new FakeClock(), BOUNDS);
  const [first, second] = [receivedRecord({ value: '1' }), receivedRecord({ value: '2' })];
  held.hold(first, ['id']);
  held.hold(second, ['id']);
  assert.equal(held.find('id'), first);
});

test('too many records push out the oldest', () => {
  const held = new HeldReplies(new FakeClock(), BOUNDS);
  for (const id of ['a', 'b', 'c', 'd', 'e']) held.hold(receivedRecord({ value: id }), [id]);
  assert.deepEqual(
    held.all().map((record) => record.value?.toString()),
    ['c', 'd', 'e'],
  );
  assert.equal(held.find('b'), undefined);
});

test('too many bytes push out the oldest, whatever their number', () => {
  const held = new HeldReplies(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  for (let i = 0; i < 50; i++) held.hold(receivedRecord({ value: 'x'.repeat(130) }), [`id ${i}`]);
  assert.equal(held.size, 3);
  held.hold(receivedRecord({ value: 'x'.repeat(2001) }), ['huge']);
  assert.equal(held.size, 0);
});

/** Only values and keys counted: somebody else's replies with 1 MB of headers each would have taken 10 GB. */
test('headers count as bytes', () => {
  const held = new HeldReplies(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  held.hold(receivedRecord({ headers: { 'x-large': 'x'.repeat(2000) } }), ['id']);
  assert.equal(held.size, 0);
});

/** Two bytes each on the wire, hundreds in memory: records with nothing but empty headers counted as nothing. */
test('an empty header counts, too', () => {
  const held = new HeldReplies(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  const headers = Object.fromEntries(Array.from({ length: 5 }, (_, number) => [String(number), '']));
  held.hold(receivedRecord({ headers }), ['id']);
  assert.equal(held.size, 0);
});

/** Up to as many as are held stayed in memory behind the bound. */
test('what was pushed out is not kept', async () => {
  const held = new HeldReplies(new FakeClock(), { ...BOUNDS, maxRecords: 100, maxBytes: Infinity });
  const hold = (count: number) => {
    for (let i = 0; i < count; i++) held.hold(receivedRecord({ value: Buffer.alloc(100_000) }), [`id ${i}`]);
  };
  hold(100);
  const fullBytes = await heldBytes();
  hold(99);
  const grownBytes = (await heldBytes()) - fullBytes;
  assert.ok(grownBytes < 1_000_000, `${grownBytes} bytes more`);
  assert.equal(held.size, 100);
});

test('clear forgets everything', () => {
  const held = new HeldReplies(new FakeClock(), BOUNDS);
  held.hold(receivedRecord({ value: 'x' }), ['id']);
  held.clear();
  assert.equal(held.size, 0);
  assert.equal(held.find('id'), undefined);
});
