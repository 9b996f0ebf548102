/** Records that are almost replies, on a topic where somebody waits: what is found, counted and said of them. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { diagnose } from '../../../bridge/reply/diagnosis';
import { everyIdOf, HEADER_RULE, matchRule } from '../../../bridge/reply/match-rule';
import { FakeClock } from '../../support/fake-clock';
import { FakeReader } from '../../support/fake-reader';
import { setLogSink } from '../../../bridge/telemetry/log';
import { openReplyChannel, replyTopics } from '../../support/reply-channel';
import { sample } from '../http-text';
import { replyRecordIn } from '../reply-record';
import type { FuzzTarget } from '../target';

const MINE = '123e4567-e89b-42d3-a456-426614174abc';
const RULES = [
  HEADER_RULE,
  matchRule('header', 'X-Reply-Id'),
  matchRule('key', undefined),
  matchRule('body_field', 'id'),
];
const LONGEST_HINT = 2000;

export const NEAR_MISSES: FuzzTarget = {
  name: 'near-misses',
  samples: [
    sample({ 'Correlation-Id': MINE }, ''),
    sample({ 'correlation-id': MINE.toUpperCase(), KAFKA_CORRELATIONID: 'other' }, ''),
    sample({ correlation_id: MINE, 'x-reply-id': MINE.replaceAll('-', '') }, '{"id":"x"}'),
    sample({ __TypeId__: 'a.b.C', spring_json_header_types: '{}' }, MINE.toUpperCase()),
    sample({ 'reply-to': 'replies', 'REPLY-TO': 'replies', 'correlation-id': MINE }, `{"id":"${MINE}"}`),
    sample({}, `{"id":"${MINE.toUpperCase()}"}`),
  ],
  tokens: [
    'Correlation-ID: ',
    'correlation-id: ',
    MINE,
    MINE.toUpperCase(),
    '\n',
    ': ',
    '__',
    '\x1b[2J',
    '\0',
    '"id":',
  ],
  run: (input) => {
    const restoreLog = setLogSink(() => undefined);
    try {
      check(replyRecordIn(input, 36));
    } finally {
      restoreLog();
    }
  },
};

function check(record: ReceivedRecord): void {
  const clock = new FakeClock();
  const reader = new FakeReader();
  const channel = openReplyChannel(replyTopics(clock), reader, { rules: RULES, sharedWithRequests: true });
  const wait = channel.register(MINE, 1000, () => new GatewayError('reply_timeout', 'none came'));
  for (let copy = 0; copy < 3; copy++) reader.deliver(record);

  const { counters, hints } = channel.topic;
  const { latest_by_ms, timed_out, ...counted } = counters;
  assert.equal(latest_by_ms + timed_out, 0);
  assert.equal(
    Object.values(counted).reduce((sum, count) => sum + count),
    3,
    'each is counted once',
  );
  if (counters.replies > 0)
    assert.ok(
      RULES.some((rule) => everyIdOf(rule, record).includes(MINE)),
      'only its own id ends the wait',
    );
  channel.topic.waits.extend(wait, clock.now());
  clock.advance(20);
  assert.equal(channel.inFlight, 0);
  assert.equal(clock.pendingTimers, 0);
  const described = diagnose(record, [], RULES, true)?.describe() ?? '';
  assert.equal(
    described,
    diagnose(blank(record), [], RULES, true)?.describe(),
    'names and lengths alone say it',
  );
  for (const text of [described, ...hints.given.map((hint) => hint.text)]) {
    assert.ok(text.length <= LONGEST_HINT, `${text.length} characters`);
    assert.match(text, /^[\x20-\x7e…]*$/);
  }
}

/** The same names and lengths, and other contents. */
function blank(record: ReceivedRecord): ReceivedRecord {
  const blanked = (bytes: Buffer) => Buffer.alloc(bytes.length, '~');
  return {
    ...record,
    key: record.key && blanked(record.key),
    value: record.value && blanked(record.value),
    headers: record.headers.map(([name, value]) => [name, blanked(value)]),
  };
}
