/**
 * Whoever can write to the reply topic can write anything. Whatever it is, it ends nobody's wait, shows up in exactly one
 * counter, and leaves the reader able to find the real reply behind it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { HEADER_RULE, matchRule, type MatchRule } from '../../../bridge/reply/match-rule';
import type { ReplyChannel } from '../../../bridge/reply/reply-channel';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { receivedRecord } from '../../support/records';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { outcomeOf } from '../../support/outcome-of';

const MINE = '123e4567-e89b-42d3-a456-426614174000';
const RULES = [HEADER_RULE, matchRule('key', undefined), matchRule('body_field', 'id')];

function open(rules: readonly MatchRule[] = RULES) {
  const clock = new FakeClock();
  const reader = new FakeReader();
  const channel = openReplyChannel(replyTopics(clock), reader, { rules });
  const wait = channel.register(MINE, 1000, () => new GatewayError('reply_timeout', 'none came'));
  return { channel, reader, wait };
}

function counted({ topic: { counters } }: ReplyChannel): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
}

const header = (...values: (string | Buffer)[]) => ({
  ...receivedRecord({}),
  headers: values.map((value) => ['correlation-id', Buffer.from(value as string)] as const),
});

const UNTRUSTED: [what: string, record: ReturnType<typeof receivedRecord>, counter: string][] = [
  ['none at all', receivedRecord({}), 'unidentified'],
  ['spoofed: a guess', header('123e4567-e89b-42d3-a456-426614174001'), 'foreign'],
  ['spoofed: a part of a real one', header(MINE.slice(0, -1)), 'foreign'],
  ['spoofed: more than a real one', header(`${MINE} `), 'foreign'],
  ['spoofed: in a header of another name', receivedRecord({ headers: { 'Correlation_Id': MINE } }), 'unidentified'], // prettier-ignore
  ['empty', header(''), 'unidentified'],
  ['oversized: 64 KB', header('x'.repeat(65_536)), 'unidentified'],
  ['oversized: a real one in front', header(MINE.padEnd(129)), 'unidentified'],
  ['oversized: as key', receivedRecord({ key: 'x'.repeat(65_536) }), 'unidentified'],
  ['oversized: in the body', receivedRecord({ value: JSON.stringify({ id: 'x'.repeat(65_536) }) }), 'unidentified'], // prettier-ignore
  ['not UTF-8', header(Buffer.from([0xff, 0xfe, 0xc3, 0x28])), 'foreign'],
  ['a real one and a NUL', header(`${MINE}\0`), 'foreign'],
  ['a name of every object', header('__proto__'), 'foreign'],
  ['in the body, but not as text', receivedRecord({ value: JSON.stringify({ id: [MINE] }) }), 'unidentified'],
  ['in a body that is no JSON', receivedRecord({ value: `{"id":"${MINE}"` }), 'unidentified'],
  ['repeated, a real one first', header(MINE, 'other'), 'unidentified'],
  ['repeated, a real one last', header('other', MINE), 'unidentified'],
  ['repeated, a real one around', header(MINE, 'other', MINE), 'unidentified'],
];

for (const [what, record, counter] of UNTRUSTED) {
  test(`a correlation id that is ${what}`, async () => {
    const { channel, reader, wait } = open();
    reader.deliver(record);
    assert.deepEqual(counted(channel), { [counter]: 1 });
    assert.equal(channel.inFlight, 1);
    reader.deliver(header(MINE));
    assert.ok('reply' in (await outcomeOf(wait)));
    assert.equal(channel.inFlight, 0);
  });
}

/** A service that copies all headers of the request and adds the id once more is right. */
test('a correlation header that is repeated with the same id is that id', async () => {
  const { channel, reader, wait } = open();
  reader.deliver(header(MINE, MINE));
  assert.ok('reply' in (await outcomeOf(wait)));
  assert.deepEqual(counted(channel), { replies: 1 });
});

test('a reply that is replayed ends nothing, even when its id is given again', async () => {
  const { channel, reader, wait } = open();
  for (let copy = 0; copy < 3; copy++) reader.deliver(header(MINE));
  assert.ok('reply' in (await outcomeOf(wait)));
  assert.deepEqual(counted(channel), { replies: 1, duplicate: 2 });
  assert.throws(() => channel.register(MINE, 1000, () => assert.fail('never waits')), {
    code: 'correlation_conflict',
  });
});
