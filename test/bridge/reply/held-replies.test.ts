import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldReplies } from '../../../bridge/reply/held-replies';
import { FakeClock } from '../../support/fake-clock';
import { heldBytes } from '../../support/memory';
import { receivedRecord } from '../../support/records';

const BOUNDS = { maxAgeMs: 1000, maxRecords: 3, maxBytes: 2000 };

test('a held record is found by every id it could be asked for, until it is too old', () => {
  const clock = new FakeClock();
  const held = new HeldReplies<string>(clock, BOUNDS);
  const record = receivedRecord({ value: 'x' });
  held.hold(record, ['by header', 'by key'], 'foreign');
  assert.equal(held.find('by header')?.record, record);
  assert.equal(held.find('by key')?.record, record);
  clock.advance(1001);
  assert.equal(held.find('by header'), undefined);
  assert.equal(held.size, 0);
});

test('of two records under one id the first is found', () => {
  const held = new HeldReplies<string>(new FakeClock(), BOUNDS);
  const [first, second] = [receivedRecord({ value: '1' }), receivedRecord({ value: '2' })];
  held.hold(first, ['id'], 'foreign');
  held.hold(second, ['id'], 'foreign');
  assert.equal(held.find('id')?.record, first);
});

test('too many records push out the oldest', () => {
  const held = new HeldReplies<string>(new FakeClock(), BOUNDS);
  for (const id of ['a', 'b', 'c', 'd', 'e']) held.hold(receivedRecord({ value: id }), [id], 'foreign');
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((id) => held.find(id)?.record.value?.toString()),
    [undefined, undefined, 'c', 'd', 'e'],
  );
});

test('too many bytes push out the oldest, whatever their number', () => {
  const held = new HeldReplies<string>(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  for (let i = 0; i < 50; i++) held.hold(receivedRecord({ value: 'x'.repeat(130) }), [`id ${i}`], 'foreign');
  assert.equal(held.size, 3);
  held.hold(receivedRecord({ value: 'x'.repeat(2001) }), ['huge'], 'foreign');
  assert.equal(held.size, 0);
});

/** Only values and keys counted: somebody else's replies with 1 MB of headers each would have taken 10 GB. */
test('headers count as bytes', () => {
  const held = new HeldReplies<string>(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  held.hold(receivedRecord({ headers: { 'x-large': 'x'.repeat(2000) } }), ['id'], 'foreign');
  assert.equal(held.size, 0);
});

/** Two bytes each on the wire, hundreds in memory: records with nothing but empty headers counted as nothing. */
test('an empty header counts, too', () => {
  const held = new HeldReplies<string>(new FakeClock(), { ...BOUNDS, maxRecords: 1000 });
  const headers = Object.fromEntries(Array.from({ length: 5 }, (_, number) => [String(number), '']));
  held.hold(receivedRecord({ headers }), ['id'], 'foreign');
  assert.equal(held.size, 0);
});

/** Up to as many as are held stayed in memory behind the bound. */
test('what was pushed out is not kept', async () => {
  const held = new HeldReplies<string>(new FakeClock(), { ...BOUNDS, maxRecords: 100, maxBytes: Infinity });
  const hold = (count: number) => {
    for (let i = 0; i < count; i++)
      held.hold(receivedRecord({ value: Buffer.alloc(100_000) }), [`id ${i}`], 'foreign');
  };
  hold(100);
  const fullBytes = await heldBytes();
  hold(99);
  const grownBytes = (await heldBytes()) - fullBytes;
  assert.ok(grownBytes < 1_000_000, `${grownBytes} bytes more`);
  assert.equal(held.size, 100);
});

test('clear forgets everything', () => {
  const held = new HeldReplies<string>(new FakeClock(), BOUNDS);
  held.hold(receivedRecord({ value: 'x' }), ['id'], 'foreign');
  held.clear();
  assert.equal(held.size, 0);
  assert.equal(held.find('id'), undefined);
});

/** Kept under its id, an early reply was given once more to the next wait that had this id. */
test('a reply that was given away is not found again', () => {
  const held = new HeldReplies<string>(new FakeClock(), BOUNDS);
  held.hold(receivedRecord({ value: 'x' }), ['by header', 'by key'], 'foreign');
  held.forget(held.find('by key')!);
  assert.equal(held.find('by header'), undefined);
});

test('a rule that comes later finds what is held already, and the first reply of an id still wins', () => {
  const held = new HeldReplies<string>(new FakeClock(), BOUNDS);
  for (const value of ['1', '2']) held.hold(receivedRecord({ key: 'k', value }), [], 'unidentified');
  held.alsoUnder(({ key }) => (key ? [key.toString()] : []));
  assert.equal(held.find('k')?.record.value?.toString(), '1');
});

/** Every one that was held was looked at: 0.7 ms for each stream that began beside 10,000. */
test('all that could be asked for by an id are found in their order, whatever they have else', () => {
  const held = new HeldReplies<string>(new FakeClock(), { ...BOUNDS, maxRecords: 5, maxBytes: 100_000 });
  const records = ['a', 'b', 'c', 'd'].map((value) => receivedRecord({ value }));
  held.hold(records[0]!, ['exact', 'other'], 'foreign');
  held.hold(records[1]!, ['folded'], 'foreign');
  held.hold(records[2]!, ['other'], 'foreign');
  held.hold(records[3]!, ['folded', 'exact', 'exact'], 'foreign');
  const valuesOf = (...ids: string[]) => held.allOf(ids).map(({ record }) => record.value?.toString());
  assert.deepEqual(valuesOf('folded', 'exact'), ['a', 'b', 'd']);
  held.forget(held.allOf(['folded'])[0]!);
  assert.deepEqual(valuesOf('folded', 'exact'), ['a', 'd']);
  assert.deepEqual(valuesOf('other', 'other'), ['a', 'c']);
  held.alsoUnder((record) => (record === records[1] || record === records[2] ? ['folded'] : []));
  assert.deepEqual(valuesOf('folded'), ['c', 'd'], 'what was given away is not found by another rule');
  for (const id of ['x', 'y']) held.hold(receivedRecord({ value: id }), [id], 'foreign');
  assert.deepEqual(valuesOf('exact', 'other'), ['c', 'd'], 'the oldest is gone');
});
