import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costOf } from '../../../bridge/kafka/records';
import { LastEvents } from '../../../bridge/states/last-events';
import { FakeClock } from '../../support/fake-clock';
import { receivedRecord } from '../../support/records';

function lastEvents(bounds: { ttlMs?: number; count?: number; bytes?: number } = {}) {
  const clock = new FakeClock();
  const events = new LastEvents(clock, { ttlMs: 1000, count: 100, bytes: 1_000_000, ...bounds });
  let offset = 0;
  const event = (value: string, at = offset++) => ({ ...receivedRecord({ value }), offset: at });
  const valueOf = (key: string) => events.find(key)?.record.value?.toString();
  return { clock, events, event, valueOf };
}

test('the last event of a key is the one that is remembered', () => {
  const { events, event, valueOf } = lastEvents();
  events.remember('a', event('first'), 0);
  events.remember('b', event('other'), 0);
  events.remember('a', event('second'), 0);
  assert.equal(valueOf('a'), 'second');
  assert.deepEqual([events.count, events.bytes], [2, costOf(event('second')) + costOf(event('other'))]);
});

test('one that is read back does not take the place of a later one', () => {
  const { events, event, valueOf } = lastEvents();
  events.remember('a', event('live', 7), 0);
  events.remember('a', event('earlier', 5), 300);
  assert.equal(valueOf('a'), 'live');
});

test('age is that of the event, not of the reading', () => {
  const { clock, events, event, valueOf } = lastEvents();
  events.remember('a', event('old'), 900);
  assert.equal(valueOf('a'), 'old');
  clock.advance(200);
  assert.equal(valueOf('a'), undefined);
  assert.deepEqual([events.count, events.bytes], [0, 0]);
});

test('the keys that were silent for longest go first, by count and by bytes', () => {
  for (const bounds of [{ count: 2 }, { bytes: 2 * costOf(receivedRecord({ value: '12345' })) }]) {
    const { events, event, valueOf } = lastEvents(bounds);
    events.remember('a', event('12345'), 0);
    events.remember('b', event('12345'), 0);
    events.remember('a', event('67890'), 0);
    events.remember('c', event('12345'), 0);
    assert.deepEqual(['a', 'b', 'c'].map(valueOf), ['67890', undefined, '12345']);
  }
});

test('100,000 events of few keys leave few behind', () => {
  const { clock, events, event } = lastEvents({ count: 10 });
  for (let number = 0; number < 100_000; number++) events.remember(String(number % 50), event('x'), 0);
  assert.equal(events.count, 10);
  clock.advance(2000);
  events.dropOld();
  assert.deepEqual([events.count, events.bytes], [0, 0]);
});
