/** The counters that tell an operator what happens to replies on a shared topic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import type { Collector } from '../../../bridge/reply/collector';
import { matchRule, type MatchRule } from '../../../bridge/reply/match-rule';
import type { Orphan } from '../../../bridge/reply/orphans';
import type { ReplyChannelOptions } from '../../../bridge/reply/reply-channel';
import type { ReplySource } from '../../../bridge/reply/reply-topics';
import { routeTagOf, taggedId } from '../../../bridge/reply/route-tag';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { outcomeOf } from '../../support/outcome-of';

const TIMEOUT_MS = 1000;

function open(options: Partial<ReplySource & ReplyChannelOptions> = {}) {
  const orphans: Orphan[] = [];
  const clock = new FakeClock();
  const reader = new FakeReader();
  const channel = openReplyChannel(replyTopics(clock), reader, {
    onOrphan: (orphan) => orphans.push(orphan),
    ...options,
  });
  const register = (id: string) =>
    channel.register(id, TIMEOUT_MS, () => new GatewayError('reply_timeout', 'none came'));
  const deliver = (record: ReceivedRecord) => reader.deliver(record);
  return { clock, channel, orphans, reader, register, deliver, reply: (id: string) => deliver(withId(id)) };
}

function withId(id: string): ReceivedRecord {
  return receivedRecord({ headers: { 'correlation-id': id } });
}

function nonZero(counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
}

test('a first reply, a second one, one of another gateway and one without an id', async () => {
  const { channel, register, reply, deliver } = open();
  const wait = register('mine');
  reply('mine');
  reply('mine');
  reply('not mine');
  deliver(receivedRecord({}));
  assert.ok('reply' in (await outcomeOf(wait)));
  assert.deepEqual(nonZero(channel.topic.counters), {
    replies: 1,
    duplicate: 1,
    foreign: 1,
    unidentified: 1,
  });
});

test('a late reply is told from others, and by how much', () => {
  const { clock, channel, register, reply } = open();
  register('slow');
  clock.advance(TIMEOUT_MS + 10);
  clock.advance(240);
  reply('slow');
  const { late, latest_by_ms } = channel.topic.counters;
  assert.equal(late, 1);
  assert.ok(latest_by_ms >= 240 && latest_by_ms <= 250, String(latest_by_ms));
});

test('after twice its timeout an id is as good as foreign', () => {
  const { clock, channel, register, reply } = open();
  register('old');
  reply('old');
  clock.advance(2 * TIMEOUT_MS);
  reply('old');
  assert.deepEqual(nonZero(channel.topic.counters), { replies: 1, foreign: 1 });
});

/** Spring forgets who waits when its reader stops, and they wait for their timeout. */
test('a reader that is lost ends every wait at once, and a reply after that is late', async () => {
  const { channel, reader, register, reply } = open();
  const waits = ['a', 'b', 'c'].map((id) => register(id));
  reader.lose(new GatewayError('reply_reader_lost', 'gone'));
  for (const wait of waits) {
    const outcome = await outcomeOf(wait);
    assert.equal('error' in outcome && outcome.error.code, 'reply_reader_lost');
  }
  assert.equal(channel.inFlight, 0);
  reply('a');
  const next = register('d');
  reply('d');
  assert.ok('reply' in (await outcomeOf(next)));
  assert.deepEqual(nonZero({ ...channel.topic.counters, latest_by_ms: 0 }), { replies: 1, late: 1 });
});

/** A reply to the first use would end the second one. */
test('an id cannot be used again while replies to its first use may still come', () => {
  const { clock, register, reply } = open();
  register('again');
  reply('again');
  assert.throws(() => register('again'), { code: 'correlation_conflict' });
  clock.advance(2 * TIMEOUT_MS);
  register('again');
});

test('a request on a topic that both share is no reply', () => {
  const { channel, register, deliver } = open({ sharedWithRequests: true });
  register('mine');
  deliver(receivedRecord({ headers: { 'correlation-id': 'mine', 'reply-to': 'replies' } }));
  assert.deepEqual(nonZero(channel.topic.counters), { requests: 1 });
  assert.equal(channel.inFlight, 1);
});

test('a reply that came before its wait, or before the rule that finds it, was early and not foreign', async () => {
  const { channel, register, reply, deliver } = open({ waitsComeLate: true });
  reply('early');
  const early = register('early');
  channel.settleFromHeld(early);
  assert.ok('reply' in (await outcomeOf(early)));

  deliver(receivedRecord({ value: '{"id":"in the body"}' }));
  const byBody = register('in the body');
  channel.claim(byBody, TIMEOUT_MS, matchRule('body_field', 'id'));
  assert.ok('reply' in (await outcomeOf(byBody)));
  assert.deepEqual(nonZero(channel.topic.counters), { replies: 2 });
});

test('what belongs to another partition is misrouted, what is only not ours is foreign', () => {
  const { channel, orphans, register, reply } = open({ partition: { number: 5, wraps: false } });
  const [ours, theirs, elsewhere] = [taggedId(5), taggedId(5), taggedId(6)];
  register(ours);
  for (const id of [ours, theirs, elsewhere, 'chosen by a client']) reply(id);
  assert.deepEqual(nonZero(channel.topic.counters), { replies: 1, foreign: 2, misrouted: 1 });
  assert.deepEqual(
    orphans.map(({ reason }) => reason),
    ['misrouted'],
  );
});

test('where every gateway reads everything nothing is misrouted', () => {
  const { channel, reply } = open();
  reply(taggedId(6));
  assert.deepEqual(nonZero(channel.topic.counters), { foreign: 1 });
});

test('orphans are the late and the second replies, never those that another gateway may wait for', () => {
  const { clock, orphans, register, reply, deliver } = open();
  register('answered');
  register('slow');
  reply('answered');
  reply('answered');
  reply('not mine');
  deliver(receivedRecord({}));
  clock.advance(TIMEOUT_MS + 10);
  reply('slow');
  assert.deepEqual(
    orphans.map(({ reason }) => reason),
    ['duplicate', 'late'],
  );
});

test('a tag is part of a UUID of version 8 and comes out of it again', () => {
  for (const tag of [0, 1, 0xabc, 0xffff]) {
    const id = taggedId(tag);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(routeTagOf(id), tag);
  }
  // Version 4, as ids without a tag are.
  assert.equal(routeTagOf('f47ac10b-58cc-4372-a567-0e02b2c3d479'), undefined);
});

test('who looks at the replies of a topic sees each once, whatever became of it, and no requests', () => {
  const { clock, channel, register, reply, deliver } = open({ sharedWithRequests: true });
  const seen: string[] = [];
  const stop = channel.topic.observe({ onReply: (_record, ids) => void seen.push(ids[0] ?? 'none') });
  register('answered');
  register('slow');
  reply('answered');
  reply('answered');
  reply('not mine');
  deliver(receivedRecord({ value: 'x' }));
  deliver(receivedRecord({ headers: { 'correlation-id': 'a request', 'reply-to': 'replies' } }));
  clock.advance(TIMEOUT_MS + 10);
  reply('slow');
  assert.deepEqual(seen, ['answered', 'answered', 'not mine', 'none', 'slow']);
  stop();
  reply('later');
  assert.equal(seen.length, 5);
});

test('a reply to a request that was accepted is neither late nor an orphan', () => {
  const { clock, channel, orphans, register, reply } = open();
  const wait = register('a');
  wait.acceptAt('deadline');
  wait.delivered();
  clock.advance(TIMEOUT_MS + 10);
  reply('a');
  assert.deepEqual(nonZero(channel.topic.counters), { accepted: 1 });
  assert.deepEqual(orphans, []);
});

/** Ready while it still read back, a gateway sent a request again whose reply it was about to see. */
test('where those of before count, a channel is not ready until they are read; or some time has passed', async () => {
  const { channel, reader } = open({ from: { sinceMs: 1 }, readsBackFirst: true });
  assert.equal(channel.ready, false);
  assert.equal(channel.reason, 'earlier replies are being read');
  let isReady = false;
  const whenReady = channel.whenReady().then(() => (isReady = true));
  await Promise.resolve();
  assert.equal(isReady, false);
  reader.catchUp();
  await whenReady;
  assert.equal(channel.ready, true);

  // Its last record may be one that no reader gets.
  const silent = open({ from: { sinceMs: 1 }, readsBackFirst: true });
  assert.equal(silent.channel.ready, false);
  silent.clock.advance(15_000);
  assert.equal(silent.channel.ready, true);
  assert.equal(silent.channel.reason, undefined);
});

/** A gateway that had just started had no schema yet, and so knew nothing of the replies that it read back. */
test('a reply that is read back is seen when its schema is there, and only then all of them are', async () => {
  let fetched: () => void = () => undefined;
  const schema = new Promise<void>((resolve) => (fetched = resolve));
  let isThere = false;
  void schema.then(() => (isThere = true));
  const rule: MatchRule = {
    name: 'field',
    place: 'a field',
    headerNames: [],
    correlationIdOf: (record) => (isThere ? record.value?.toString() : undefined),
    whenReadable: () => (isThere ? undefined : schema),
  };
  const { channel, reader } = open({ from: { sinceMs: 1 }, readsBackFirst: true, rules: [rule] });
  const seen: string[] = [];
  channel.topic.observe({ onReply: (_record, ids) => void seen.push(ids[0] ?? 'none') });
  for (const value of ['a', 'b']) reader.deliverEarlier(receivedRecord({ value }));
  reader.catchUp();
  await Promise.resolve();
  assert.deepEqual([seen, channel.ready], [[], false]);
  fetched();
  await channel.whenReady();
  assert.deepEqual([seen, channel.ready], [['a', 'b'], true]);
});

/** A stream minds the order of its replies; whoever waits for one does not, and shall not wait for those of others. */
test('a reply behind one that cannot be read yet ends its wait at once, and only a stream waits for it', async () => {
  let fetched: () => void = () => undefined;
  const schema = new Promise<void>((resolve) => (fetched = resolve));
  let isThere = false;
  void schema.then(() => (isThere = true));
  const isUnreadable = (record: ReceivedRecord) => !isThere && record.key?.toString() === 'slow';
  const rule: MatchRule = {
    name: 'field',
    place: 'a field',
    headerNames: [],
    correlationIdOf: (record) => (isUnreadable(record) ? undefined : record.value?.toString()),
    whenReadable: (record) => (isUnreadable(record) ? schema : undefined),
  };
  const { register, deliver, channel } = open({ rules: [rule] });
  const inOrder: Collector = { inOrder: true, add: (reply) => (taken.push(reply.offset), 'more') };
  const taken: number[] = [];
  const stream = register('stream');
  stream.collector = inOrder;
  const plain = register('plain');
  const gone = register('gone');
  gone.collector = inOrder;
  const seen: number[] = [];
  channel.topic.observe({ inOrder: true, onReply: ({ offset }) => void seen.push(offset) });
  for (const [offset, value, key] of [
    [0, 'stream', 'slow'],
    [1, 'stream', ''],
    [2, 'plain', ''],
    [3, 'gone', ''],
  ] as const)
    deliver({ ...receivedRecord({ value, key }), offset });
  assert.ok('reply' in (await outcomeOf(plain)));
  channel.fail(gone, new GatewayError('internal', 'its client has left'));
  assert.deepEqual([taken, seen], [[], []]);
  fetched();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    [taken, seen],
    [
      [0, 1],
      [0, 1, 2, 3],
    ],
  );
  assert.deepEqual(nonZero(channel.topic.counters), { replies: 3, late: 1 });
});
