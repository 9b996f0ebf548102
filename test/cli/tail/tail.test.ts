import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { matchRule } from '../../../bridge/reply/match-rule';
import { inOrder, LiveOrder } from '../../../cli/tail/in-order';
import { Pairs, type TailedRecord } from '../../../cli/tail/pairs';

const record = (
  topic: string,
  id: string | undefined,
  timestamp: number,
  more: Partial<ReceivedRecord> = {},
): ReceivedRecord => ({
  topic,
  partition: 0,
  offset: timestamp,
  timestamp,
  key: null,
  value: Buffer.from('{}'),
  headers: id === undefined ? [] : [['correlation-id', Buffer.from(id)]],
  ...more,
});
const request = (id: string | undefined, timestamp: number) => record('requests', id, timestamp);
const reply = (id: string | undefined, timestamp: number) => record('replies', id, timestamp);

const pairs = (more: object = {}) =>
  new Pairs({ requestTopics: ['requests'], replyTopic: 'replies', rule: matchRule('header', undefined), bodyField: 'correlation_id', ...more }); // prettier-ignore
const brief = ({ kind, id, request: asked, afterMs, isFurther }: TailedRecord) =>
  `${kind} ${id}${kind === 'reply' ? ` ${asked ? `+${afterMs}${isFurther ? ' further' : ''}` : 'orphan'}` : ''}`; // prettier-ignore

test('what was read back: by time, replies behind their requests whatever the clocks say', () => {
  const both = pairs();
  const records = [reply('b', 4), reply('a', 12), reply('x', 5), reply('a', 13), request('a', 10), request('b', 6), request('c', 7)]; // prettier-ignore
  assert.deepEqual(inOrder(records, both).map(brief), [
    'reply b +-2',
    'reply x orphan',
    'request b',
    'request c',
    'request a',
    'reply a +2',
    'reply a +3 further',
  ]);
  assert.deepEqual(both.counters, { requests: 3, replies: 4, orphans: 1, unanswered: 1 });
});

test('what comes: a reply that is read before its request waits for it, one without is told after a while', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const printed: string[] = [];
    const live = new LiveOrder(pairs(), 2000, (taken) => void printed.push(brief(taken)));
    live.take(reply('a', 12));
    live.take(reply('x', 12));
    assert.deepEqual(printed, []);
    live.take(request('a', 10));
    assert.deepEqual(printed, ['request a', 'reply a +2']);
    mock.timers.tick(2000);
    assert.deepEqual(printed.at(-1), 'reply x orphan');
    live.take(reply('y', 20));
    live.end();
    assert.deepEqual(printed.at(-1), 'reply y orphan');
    mock.timers.tick(10_000);
    assert.equal(printed.length, 4);
  } finally {
    mock.timers.reset();
  }
});

test('ids in a field of the JSON, and in the key; a UUID in capitals is the same', () => {
  const field = pairs({ rule: matchRule('body_field', undefined) });
  const asked = record('requests', undefined, 1, { value: Buffer.from('{"correlation_id":"a"}') });
  const answered = record('replies', undefined, 2, { value: Buffer.from('{"correlation-id":"a"}') });
  assert.deepEqual([field.take(asked), field.take(answered)].map(brief), ['request a', 'reply a +1']);
  const keyed = pairs({ rule: matchRule('key', undefined) });
  const uuid = '0b7e29c5-0d7b-4a53-a5c1-6c1b0d0e8f11';
  keyed.take(request(uuid, 1));
  assert.equal(
    keyed.take(record('replies', undefined, 3, { key: Buffer.from(uuid.toUpperCase()) })).afterMs,
    2,
  );
});

test('one topic for both: what names a reply topic is the request', () => {
  const shared = pairs({ requestTopics: ['both'], replyTopic: 'both' });
  const asked = record('both', 'a', 1);
  const named = {
    ...asked,
    headers: [...asked.headers, ['reply-to', Buffer.from('both')] as [string, Buffer]],
  };
  assert.deepEqual([shared.take(named), shared.take(record('both', 'a', 2))].map(brief), ['request a', 'reply a +1']); // prettier-ignore
});

test('a broker without timestamps, a record without an id, a value that is no JSON', () => {
  const both = pairs();
  both.take(record('requests', 'a', -1));
  assert.equal(both.take(reply('a', 5)).afterMs, undefined);
  assert.equal(both.take(record('requests', undefined, 1, { value: Buffer.from('[') })).id, undefined);
  assert.equal(brief(both.take(reply(undefined, 1))), 'reply undefined orphan');
});
