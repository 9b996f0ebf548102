/**
 * Services that answer almost right: what is found all the same, and what the log and the status page say of the rest.
 * Such a reply was a 504 and one more in a counter, and its developer searched for hours.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { HEADER_RULE, matchRule } from '../../../bridge/reply/match-rule';
import type { ReplyChannelOptions } from '../../../bridge/reply/reply-channel';
import type { ReplySource } from '../../../bridge/reply/reply-topics';
import { taggedId } from '../../../bridge/reply/route-tag';
import { setLogSink } from '../../../bridge/telemetry/log';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { outcomeOf } from '../../support/outcome-of';

const MINE = '123e4567-e89b-42d3-a456-426614174abc';
const TIMEOUT_MS = 1000;
const RULES = [HEADER_RULE, matchRule('key', undefined), matchRule('body_field', 'id')];

function open(t?: TestContext, options: Partial<ReplySource & ReplyChannelOptions> = {}) {
  const lines: string[] = [];
  t?.after(setLogSink((line) => lines.push(line)));
  const clock = new FakeClock();
  const reader = new FakeReader();
  const topics = replyTopics(clock);
  const channel = openReplyChannel(topics, reader, options);
  const register = (id: string, requestId?: string) =>
    channel.register(id, TIMEOUT_MS, () => new GatewayError('reply_timeout', 'none came'), requestId);
  /** A request that waits in vain, while this comes. */
  const inVain = (...records: ReceivedRecord[]) => {
    const wait = register(crypto.randomUUID());
    for (const record of records) reader.deliver(record);
    clock.advance(TIMEOUT_MS + 10);
    return wait;
  };
  const hints = () => channel.topic.hints.given;
  return { clock, topics, reader, channel, register, inVain, hints, lines };
}

const FOUND: [what: string, record: ReceivedRecord][] = [
  ['a header of another case', receivedRecord({ headers: { 'Correlation-Id': MINE } })],
  ['a header in capitals', receivedRecord({ headers: { KAFKA_CORRELATIONID: MINE } })],
  ['a UUID in capitals', receivedRecord({ headers: { 'correlation-id': MINE.toUpperCase() } })],
  ['both', receivedRecord({ headers: { 'CORRELATION-ID': MINE.toUpperCase() } })],
  ['a UUID in capitals as key', receivedRecord({ key: MINE.toUpperCase() })],
  ['a UUID in capitals in the body', receivedRecord({ value: JSON.stringify({ id: MINE.toUpperCase() }) })],
];

for (const [what, record] of FOUND) {
  test(`found all the same: ${what}`, async () => {
    const { channel, reader, register } = open(undefined, { rules: RULES });
    const wait = register(MINE);
    reader.deliver(record);
    assert.ok('reply' in (await outcomeOf(wait)));
    // Late and second ones are told from foreign ones by the same comparison.
    reader.deliver(record);
    assert.deepEqual([channel.topic.counters.duplicate, channel.inFlight], [1, 0]);
  });
}

test('an id that carries the tag of a partition is found in capitals, too', async () => {
  const { reader, register } = open();
  const id = taggedId(0xabc);
  const wait = register(id);
  reader.deliver(receivedRecord({ headers: { 'correlation-id': id.toUpperCase() } }));
  assert.ok('reply' in (await outcomeOf(wait)));
});

test('a UUID that the client wrote in capitals is found in either case', async () => {
  for (const id of [MINE.toUpperCase(), MINE]) {
    const { reader, register } = open();
    const wait = register(MINE.toUpperCase(), 'ours');
    reader.deliver(receivedRecord({ headers: { 'correlation-id': id } }));
    assert.ok('reply' in (await outcomeOf(wait)));
  }
});

test('what is found by a rule that comes later may be almost right, too', async () => {
  const { channel, reader, register } = open();
  const wait = register(MINE);
  channel.expectClaim(wait);
  reader.deliver(receivedRecord({ key: MINE.toUpperCase() }));
  channel.stopExpecting();
  channel.claim(wait, TIMEOUT_MS, matchRule('key', undefined));
  assert.ok('reply' in (await outcomeOf(wait)));
  assert.equal(channel.topic.heldRecords, 0);
});

const STILL_NOT_FOUND: [what: string, headers: Record<string, string>][] = [
  ['a known header with another id beside it', { 'correlation-id': 'other', 'Correlation-Id': MINE }],
  ['two headers that differ in case and in their ids', { 'Correlation-Id': MINE, 'CORRELATION-ID': 'other' }],
  ['an id that is no UUID in capitals', { 'correlation-id': 'ABC' }],
  ['hyphens for underscores', { Correlation_Id: MINE }],
];

for (const [what, headers] of STILL_NOT_FOUND) {
  test(`not found: ${what}`, () => {
    const { channel, reader, register } = open();
    const waits = [register(MINE), register('abc')];
    reader.deliver(receivedRecord({ headers }));
    assert.equal(channel.inFlight, 2);
    for (const wait of waits) channel.fail(wait, new GatewayError('internal', 'the test is over'));
  });
}

const HINTS: [reason: string, record: ReceivedRecord, text: RegExp][] = [
  [
    'no_known_header',
    receivedRecord({ headers: { b: 'x', correlationid: MINE }, value: 'secret' }),
    /the headers correlationid, b, no key and a value of 6 bytes; expected the id in one of the headers kafka_correlationId, REPLY_CORRELATION_ID, zilla:correlation-id, correlation-id$/,
  ],
  ['no_known_header', receivedRecord({ value: null }), /came with no headers, no key and no value; expected/],
  [
    'type_headers_only',
    receivedRecord({ headers: { __TypeId__: 'com.example.Secret', spring_json_header_types: '{}' } }),
    /the headers .*__TypeId__.*; expected/,
  ],
  [
    'unknown_id_form',
    receivedRecord({ headers: { 'correlation-id': MINE.replaceAll('-', '') } }),
    /^the id in header correlation-id has 32 characters; expected a UUID of 36 characters, as it was sent$/,
  ],
  [
    'unknown_id_form',
    receivedRecord({ headers: { 'Correlation-Id': MINE.padEnd(200) } }),
    /^the id in header Correlation-Id has 200 bytes; expected a UUID/,
  ],
  [
    'ambiguous_id',
    {
      ...receivedRecord({}),
      headers: ['one', 'two'].map((id) => ['correlation-id', Buffer.from(id)] as const),
    },
    /^the headers correlation-id say more than one id/,
  ],
];

for (const [reason, record, text] of HINTS) {
  test(`a hint: ${reason}, ${String(text).slice(1, 50)}`, (t) => {
    const { inVain, hints, lines } = open(t);
    inVain(record);
    assert.deepEqual([hints().length, hints()[0]?.reason], [1, reason]);
    assert.match(hints()[0]!.text, text);
    for (let more = 0; more < 5; more++) inVain(record);
    assert.equal(hints()[0]?.timeouts, 6);
    assert.equal(lines.length, 1, 'the log says it once');
    assert.doesNotMatch(JSON.stringify(lines) + JSON.stringify(hints()), /secret|123e4567|com\.example/i);
  });
}

test('with key and body the hint names them, too', (t) => {
  const { inVain, hints } = open(t, { rules: RULES });
  inVain(receivedRecord({ value: '{"ID":"x"}' }));
  assert.match(hints()[0]!.text, /correlation-id, or in the record key, or in the field id of a JSON value$/);
});

/** A topic that many share is full of what is nobody's business here. */
/** The status page went on showing what the service had done before its developer changed it. */
test('a hint says what came last', (t) => {
  const { inVain, hints, channel } = open(t);
  inVain(receivedRecord({ headers: { 'x-first-try': 'a' } }));
  assert.match(hints()[0]!.text, /x-first-try/);
  inVain(receivedRecord({ headers: { 'x-second-try': 'a' } }));
  assert.match(hints()[0]!.text, /x-second-try/);
  assert.deepEqual(
    channel.topic.hints.recent.map(({ text, timeouts }) => [/x-second-try/.test(text), timeouts]),
    [[true, 2]],
  );
});

test('no hint: an id of another gateway, a request that was answered, and what came when nobody waited', async (t) => {
  const { clock, reader, register, inVain, hints, lines } = open(t);
  const nameless = receivedRecord({ headers: { a: 'b' } });
  reader.deliver(nameless);
  const wait = register(MINE);
  reader.deliver(nameless);
  reader.deliver(receivedRecord({ headers: { 'correlation-id': MINE } }));
  assert.ok('reply' in (await outcomeOf(wait)));
  clock.advance(TIMEOUT_MS + 10);
  inVain(receivedRecord({ headers: { 'correlation-id': crypto.randomUUID() } }));
  assert.deepEqual([hints(), lines], [[], []]);
});

test('no hint about the form of an id where clients choose theirs', (t) => {
  const { clock, register, inVain, hints } = open(t);
  register('chosen', 'ours');
  clock.advance(TIMEOUT_MS + 10);
  inVain(receivedRecord({ headers: { 'correlation-id': 'order 7' } }));
  assert.deepEqual(hints(), []);
});

test('a reply on another topic that this process reads is said on the topic where it is awaited', (t) => {
  const { clock, topics, channel, register, hints } = open(t);
  const requests = new FakeReader();
  openReplyChannel(topics, requests, { replyTopic: 'requests' });
  register(MINE);
  requests.deliver(receivedRecord({ headers: { 'correlation-id': MINE } }));
  clock.advance(TIMEOUT_MS + 10);
  assert.equal(channel.counters.timed_out, 1);
  assert.deepEqual(
    hints().map(({ reason, text }) => [reason, text]),
    [['other_topic', 'the reply to a request came on topic requests; expected on replies']],
  );
});

test('a second reader of the topic raises no hint about replies that the first one gets', (t) => {
  const { clock, topics, register, hints } = open(t);
  const second = new FakeReader();
  openReplyChannel(topics, second, { connectionKey: 'other' });
  register(MINE);
  second.deliver(receivedRecord({ headers: { 'correlation-id': MINE } }));
  clock.advance(TIMEOUT_MS + 10);
  assert.deepEqual(hints(), []);
});

/** A service that copies all headers of the request makes a request of its reply, where both share a topic. */
test('a reply that names a reply topic on a topic shared with requests is told from the request', (t) => {
  const { inVain, clock, reader, register, hints } = open(t, { sharedWithRequests: true });
  inVain();
  const ask = (copies: number) => {
    const id = crypto.randomUUID();
    register(id);
    const request = receivedRecord({ headers: { 'correlation-id': id, 'reply-to': 'replies' } });
    for (let copy = 0; copy < copies; copy++) reader.deliver(request);
    clock.advance(TIMEOUT_MS + 10);
  };
  ask(1);
  assert.deepEqual(hints(), []);
  ask(2);
  assert.equal(hints()[0]?.reason, 'looks_like_request');
});

/** Whoever can write to the topic chooses the names. */
test('hostile names reach the log cut short and printable', (t) => {
  const { inVain, hints, lines } = open(t);
  const headers = Array.from({ length: 5000 }, (_, index) => [
    `\x1b[2J"\n${'x'.repeat(10_000)}${index}`,
    Buffer.from('value'),
  ]) as [string, Buffer][];
  inVain({ ...receivedRecord({}), headers });
  const { text } = hints()[0]!;
  assert.ok(text.length < 1500, `${text.length} characters`);
  assert.match(text, /^[\x20-\x7e…]*$/);
  assert.match(text, /and \d+ more/);
  assert.equal(lines.length, 1);
});

test('a thousand such records a second are described once a second', (t) => {
  const { clock, reader, register, hints } = open(t);
  register(MINE);
  for (let record = 0; record < 500; record++) {
    reader.deliver(receivedRecord({ headers: { [`name-${record}`]: 'x' } }));
    clock.advance(1);
  }
  clock.advance(TIMEOUT_MS);
  assert.match(hints()[0]!.text, /name-0/);
});
