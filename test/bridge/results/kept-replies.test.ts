import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costOf } from '../../../bridge/kafka/records';
import { GoneResults } from '../../../bridge/results/gone-results';
import { KeptReplies, widest } from '../../../bridge/results/kept-replies';
import { FakeClock } from '../../support/fake-clock';
import { receivedRecord } from '../../support/records';

function keptReplies(bounds: { ttlMs?: number; count?: number; bytes?: number }) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const kept = new KeptReplies(clock, (id, isOld) => dropped.push(`${id} ${isOld ? 'old' : 'early'}`));
  kept.setBounds({ ttlMs: 1000, count: 100, bytes: 1_000_000, ...bounds });
  return { clock, dropped, kept };
}

const reply = (value: string) => receivedRecord({ value });

test('the first reply to a request is the one that is kept', () => {
  const { kept } = keptReplies({});
  kept.keep('a', reply('first'));
  kept.keep('a', reply('second'));
  assert.equal(kept.find('a')?.value?.toString(), 'first');
  assert.deepEqual([kept.count, kept.bytes], [1, costOf(reply('first'))]);
});

test('the oldest goes first, whichever bound is reached', () => {
  const by = { count: keptReplies({ count: 2 }), bytes: keptReplies({ bytes: 2 * costOf(reply('12345')) }) };
  for (const { kept, dropped } of Object.values(by)) {
    for (const id of ['a', 'b', 'c']) kept.keep(id, reply('12345'));
    assert.deepEqual(dropped, ['a early']);
    assert.equal(kept.find('a'), undefined);
    assert.ok(kept.find('b') && kept.find('c'));
  }
  const { clock, kept, dropped } = keptReplies({});
  kept.keep('a', reply('1'));
  clock.advance(600);
  kept.keep('b', reply('2'));
  clock.advance(600);
  assert.equal(kept.find('a'), undefined);
  assert.ok(kept.find('b'));
  assert.deepEqual(dropped, ['a old']);
});

test('what was forgotten is not dropped again, also where its id is kept anew', () => {
  const { clock, dropped, kept } = keptReplies({ count: 2 });
  kept.keep('a', reply('1'));
  assert.equal(kept.forget('a'), true);
  assert.equal(kept.forget('a'), false);
  kept.keep('b', reply('2'));
  kept.keep('a', reply('3'));
  kept.keep('c', reply('4'));
  assert.deepEqual(dropped, ['b early']);
  assert.equal(kept.find('a')?.value?.toString(), '3');
  clock.advance(2000);
  assert.equal(kept.find('a'), undefined);
  assert.deepEqual([kept.count, kept.bytes], [0, 0]);
});

test('100,000 that come and go leave nothing behind', () => {
  const { clock, kept } = keptReplies({ count: 1000 });
  for (let number = 0; number < 100_000; number++) {
    kept.keep(String(number), reply('x'));
    if (number % 7 === 0) kept.forget(String(number - 3));
  }
  assert.equal(kept.count, 1000);
  clock.advance(2000);
  kept.dropOld();
  assert.deepEqual([kept.count, kept.bytes], [0, 0]);
});

test('several configurations get the widest of their bounds, and none keeps nothing', () => {
  assert.deepEqual(
    widest([
      { ttlMs: 1, count: 20, bytes: 3 },
      { ttlMs: 10, count: 2, bytes: 30 },
    ]),
    { ttlMs: 10, count: 20, bytes: 30 },
  );
  const { kept } = keptReplies({});
  kept.setBounds(widest([]));
  kept.keep('a', reply('x'));
  assert.deepEqual([kept.count, kept.find('a')], [0, undefined]);
});

test('what is gone is remembered for its time, and as many as fit', () => {
  const clock = new FakeClock();
  const gone = new GoneResults(clock, 2);
  gone.add('a', 1000);
  gone.add('a', 1000);
  assert.equal(gone.has('a'), true);
  clock.advance(1500);
  assert.equal(gone.has('a'), false);
  for (const id of ['b', 'c', 'd']) gone.add(id, 1000);
  assert.deepEqual(
    ['b', 'c', 'd'].map((id) => gone.has(id)),
    [false, true, true],
  );
});
