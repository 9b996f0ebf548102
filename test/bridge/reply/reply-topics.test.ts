/** Many configurations on one reply topic: each record is looked at once, and ends a wait of its own configuration only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { FollowedTopic, FollowOptions } from '../../../bridge/kafka/reader';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { HEADER_RULE, matchRule, type MatchRule } from '../../../bridge/reply/match-rule';
import type { Orphan } from '../../../bridge/reply/orphans';
import type { ReplyChannel } from '../../../bridge/reply/reply-channel';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { outcomeOf } from '../../support/outcome-of';

const TIMEOUT_MS = 1000;

/** As a cluster: everybody who follows gets the record. */
class Readers {
  readonly following = new Set<FollowOptions>();

  follow(_topic: string, options: FollowOptions): FollowedTopic {
    this.following.add(options);
    return {
      ready: true,
      reason: undefined,
      partition: options.partition?.number,
      whenReady: () => Promise.resolve(),
      stop: () => void this.following.delete(options),
    };
  }

  deliver(record: ReceivedRecord): void {
    for (const follower of [...this.following]) follower.onRecord(record);
  }
}

/** A rule that counts how often it is asked. */
function counting(rule: MatchRule): MatchRule & { asked: number } {
  const counted = {
    ...rule,
    asked: 0,
    correlationIdOf: (record: ReceivedRecord) => {
      counted.asked++;
      return rule.correlationIdOf(record);
    },
  };
  return counted;
}

const withId = (id: string) => receivedRecord({ headers: { 'correlation-id': id } });

function register(channel: ReplyChannel, id: string, requestId?: string) {
  return channel.register(id, TIMEOUT_MS, () => new GatewayError('reply_timeout', 'none came'), requestId);
}

/**
 * Each configuration followed the topic and looked at every record: with 1000 of them and 2000 foreign replies per second
 * a core was full, and 144 of 150 requests got no answer.
 */
test('a record is looked at once by each distinct rule, also with a thousand configurations', async () => {
  const clock = new FakeClock();
  const topics = replyTopics(clock);
  const reader = new Readers();
  const headers = counting(HEADER_RULE);
  const keys = counting(matchRule('key', undefined));
  const channels = Array.from({ length: 1000 }, (_, index) =>
    openReplyChannel(topics, reader, { rules: index % 2 === 0 ? [headers] : [headers, keys] }),
  );
  assert.equal(reader.following.size, 1);
  for (let record = 0; record < 10; record++) reader.deliver(withId(`foreign ${record}`));
  assert.deepEqual([headers.asked, keys.asked], [10, 10]);

  const wait = register(channels[777]!, 'mine');
  reader.deliver(withId('mine'));
  assert.ok('reply' in (await outcomeOf(wait)));
  assert.deepEqual([headers.asked, keys.asked], [11, 10]);
  assert.equal(channels[777]!.counters.replies, 1);
  assert.deepEqual(
    topics.status().map(({ configurations, replies, foreign }) => [configurations, replies, foreign]),
    [[1000, 1, 10]],
  );
  for (const channel of channels) channel.close(new GatewayError('draining', 'over'));
  assert.deepEqual([topics.status(), reader.following.size, clock.pendingTimers], [[], 0, 0]);
});

test('the end of a configuration ends its waits alone, and takes its rules with it', async () => {
  const topics = replyTopics(new FakeClock());
  const reader = new Readers();
  const keys = counting(matchRule('key', undefined));
  const ending = openReplyChannel(topics, reader, { rules: [HEADER_RULE, keys] });
  const going = openReplyChannel(topics, reader);
  const [ended, alive] = [register(ending, 'ended'), register(going, 'alive')];
  ending.close(new GatewayError('draining', 'over'));
  const outcome = await outcomeOf(ended);
  assert.equal('error' in outcome && outcome.error.code, 'draining');
  assert.throws(() => register(ending, 'more'), { code: 'draining' });
  reader.deliver(withId('alive'));
  assert.ok('reply' in (await outcomeOf(alive)));
  reader.deliver(withId('ended'));
  assert.equal(keys.asked, 0);
  assert.equal(going.topic.counters.late, 1);
});

test('an orphan is kept once, by the configuration that had asked', () => {
  const topics = replyTopics(new FakeClock());
  const reader = new Readers();
  const kept: [string, Orphan['reason']][] = [];
  const open = (name: string) =>
    openReplyChannel(topics, reader, { onOrphan: ({ reason }) => kept.push([name, reason]) });
  open('first');
  const second = open('second');
  register(second, 'mine');
  for (let copy = 0; copy < 2; copy++) reader.deliver(withId('mine'));
  assert.deepEqual(kept, [['second', 'duplicate']]);
  // Its Kafka client may be gone.
  second.close(new GatewayError('draining', 'over'));
  reader.deliver(withId('mine'));
  assert.equal(kept.length, 1);
});

test('where one configuration shares the topic with requests, a reply to another may name a reply topic', async () => {
  const topics = replyTopics(new FakeClock());
  const reader = new Readers();
  const sharing = openReplyChannel(topics, reader, { sharedWithRequests: true });
  const other = openReplyChannel(topics, reader);
  const [asked, waiting] = [register(sharing, 'asked'), register(other, 'waiting')];
  for (const id of ['asked', 'waiting'])
    reader.deliver(receivedRecord({ headers: { 'correlation-id': id, 'reply-to': 'replies' } }));
  assert.ok('reply' in (await outcomeOf(waiting)));
  assert.equal(sharing.inFlight, 1);
  assert.deepEqual([sharing.topic.counters.requests, sharing.topic.counters.replies], [1, 1]);
  sharing.fail(asked, new GatewayError('internal', 'the test is over'));
});

/**
 * A request under the id of a victim, on another route with the same reply topic, got the victim's reply: ids were unique
 * per configuration.
 */
for (const rule of [HEADER_RULE, matchRule('key', undefined), matchRule('body_field', 'id')]) {
  test(`two configurations cannot wait for one id that a client chose, matched by ${rule.name}`, async () => {
    const topics = replyTopics(new FakeClock());
    const reader = new Readers();
    const rules = [HEADER_RULE, rule];
    const [mine, theirs] = [openReplyChannel(topics, reader, { rules }), openReplyChannel(topics, reader)];
    const wait = register(mine, 'chosen', 'ours');
    assert.throws(() => register(theirs, 'chosen', 'other'), { code: 'correlation_conflict' });
    const reply = { headers: {}, key: 'chosen', value: '{"id":"chosen"}' };
    reader.deliver(
      receivedRecord(rule === HEADER_RULE ? { headers: { 'correlation-id': 'chosen' } } : reply),
    );
    assert.ok('reply' in (await outcomeOf(wait)));
    assert.deepEqual([mine.inFlight, theirs.inFlight], [0, 0]);
  });
}

test('nor can those whose Kafka clients differ, as long as they start from a common broker', () => {
  const topics = replyTopics(new FakeClock());
  const open = (connectionKey: string, ...bootstrapServers: string[]) =>
    openReplyChannel(topics, new FakeReader(), { connectionKey, bootstrapServers });
  register(open('one', 'a:9092', 'b:9092'), 'chosen', 'ours');
  assert.throws(() => register(open('other', 'B:9092', 'c:9092'), 'chosen', 'other'), {
    code: 'correlation_conflict',
  });
  // Another cluster has another topic of this name.
  register(open('elsewhere', 'd:9092'), 'chosen', 'ours too');
});

test('a record that another client read ends nobody here, and is no duplicate', async () => {
  const topics = replyTopics(new FakeClock());
  const [reader, otherReader] = [new FakeReader(), new FakeReader()];
  const channel = openReplyChannel(topics, reader);
  const other = openReplyChannel(topics, otherReader, { connectionKey: 'other' });
  const wait = register(channel, 'mine');
  otherReader.deliver(withId('mine'));
  assert.equal(channel.inFlight, 1);
  reader.deliver(withId('mine'));
  assert.ok('reply' in (await outcomeOf(wait)));
  otherReader.deliver(withId('mine'));
  assert.deepEqual([other.topic.counters.foreign, other.topic.counters.duplicate], [2, 0]);
});

/** The key of a reply is the client's word where the service copies it: it ended the wait of whoever had chosen that id. */
test('a rule ends only waits of configurations that have it', () => {
  const topics = replyTopics(new FakeClock());
  const reader = new Readers();
  const byHeader = openReplyChannel(topics, reader);
  openReplyChannel(topics, reader, { rules: [HEADER_RULE, matchRule('key', undefined)] });
  const wait = register(byHeader, 'chosen', 'ours');
  reader.deliver(receivedRecord({ key: 'chosen' }));
  assert.equal(byHeader.inFlight, 1);
  byHeader.fail(wait, new GatewayError('internal', 'the test is over'));
});

for (const [what, isOver] of [
  ['waits', false],
  ['has been answered', true],
] as const) {
  test(`the reply to a request that ${what} ends no other one by its key`, () => {
    const topics = replyTopics(new FakeClock());
    const reader = new Readers();
    const first = openReplyChannel(topics, reader);
    const byKey = openReplyChannel(topics, reader, { rules: [HEADER_RULE, matchRule('key', undefined)] });
    register(first, 'first');
    const wait = register(byKey, 'order 7', 'ours');
    const reply = receivedRecord({ headers: { 'correlation-id': 'first' }, key: 'order 7' });
    if (isOver) reader.deliver(withId('first'));
    reader.deliver(reply);
    assert.equal(byKey.inFlight, 1);
    byKey.fail(wait, new GatewayError('internal', 'the test is over'));
  });
}

/** After twice its timeout an id may be used again, and a reply that came later still ended the next request. */
test('a reply that carries the id of ours ends no later wait under the same chosen id', async () => {
  const clock = new FakeClock();
  const topics = replyTopics(clock);
  const reader = new Readers();
  const channel = openReplyChannel(topics, reader);
  register(channel, 'chosen', 'ours-1');
  clock.advance(4 * TIMEOUT_MS);
  const next = register(channel, 'chosen', 'ours-2');
  const reply = (requestId: string, name = 'kong-kafka-request-id') =>
    receivedRecord({ headers: { 'correlation-id': 'chosen', [name]: requestId } });
  reader.deliver(reply('ours-1'));
  // Whoever renames it has said it all the same.
  reader.deliver(reply('ours-1', 'Kong-Kafka-Request-Id'));
  assert.deepEqual([channel.inFlight, channel.topic.counters.foreign], [1, 2]);
  reader.deliver(reply('ours-2'));
  assert.ok('reply' in (await outcomeOf(next)));
  assert.equal(channel.inFlight, 0);
});

test('a service that copies the chosen id alone is answered, too', async () => {
  const reader = new Readers();
  const channel = openReplyChannel(replyTopics(new FakeClock()), reader);
  const wait = register(channel, 'chosen', 'ours');
  reader.deliver(withId('chosen'));
  assert.ok('reply' in (await outcomeOf(wait)));
});

/** In a process of its own the consumer keeps what comes early: a late reply, too, and gave it to the next request. */
test('a late reply is not kept for the next wait under its id', () => {
  const clock = new FakeClock();
  const reader = new Readers();
  const channel = openReplyChannel(replyTopics(clock), reader, { waitsComeLate: true });
  register(channel, 'chosen', 'ours-1');
  clock.advance(2 * TIMEOUT_MS);
  reader.deliver(withId('chosen'));
  clock.advance(2 * TIMEOUT_MS);
  const next = register(channel, 'chosen', 'ours-2');
  channel.settleFromHeld(next);
  assert.equal(channel.inFlight, 1);
  channel.close(new GatewayError('draining', 'over'));
});
