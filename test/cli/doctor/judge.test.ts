/** Each mistake a service can make, as records, and what the probe says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { responseMapper } from '../../../bridge/reply/http-response';
import { HEADER_RULE, matchRule } from '../../../bridge/reply/match-rule';
import { judge, PROBE_HEADER, type ProbeFacts } from '../../../cli/doctor/probe/judge';
import { FINDINGS, type FindingCode } from '../../../cli/doctor/finding';

const ID = 'c0ffee00-0000-4000-8000-00000000abcd';
const SOMEBODY = 'c0ffee00-0000-4000-8000-000000000001';

interface Reply {
  readonly topic?: string;
  readonly partition?: number;
  readonly headers?: Record<string, string | Buffer>;
  readonly key?: string;
  readonly value?: string | null;
  readonly afterMs?: number;
}

function arrived({ topic = 'replies', partition = 0, headers = {}, key, value = '{}', afterMs = 20 }: Reply) {
  const record: ReceivedRecord = {
    topic,
    partition,
    offset: 0,
    timestamp: 0,
    key: key === undefined ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes)] as const),
  };
  return { record, afterMs, readable: record };
}

function findingsOf(replies: readonly Reply[], more: Partial<ProbeFacts> = {}) {
  return judge({
    where: 'route orders',
    id: ID,
    topic: 'requests',
    replyTopic: 'replies',
    partition: undefined,
    timeoutMs: 5000,
    listenedMs: 15_000,
    rule: HEADER_RULE,
    takesSeveral: false,
    errorHeaders: ['kafka_nest-err'],
    respond: responseMapper({
      format: 'raw',
      statusHeaders: ['status'],
      errorHeaders: ['kafka_nest-err'],
      errorStatus: 502,
      include: [],
      exclude: [],
      maxReplyBytes: 100,
    }),
    records: replies.map(arrived),
    ...more,
  });
}

const right = (more: Reply = {}): Reply => ({
  ...more,
  headers: { 'correlation-id': ID, ...more.headers },
});

type Case = readonly [
  what: string,
  replies: readonly Reply[],
  codes: readonly FindingCode[],
  text: RegExp,
  more?: Partial<ProbeFacts>,
];
const CASES: readonly Case[] = [
  [
    'nothing',
    [],
    ['probe_no_reply'],
    /Sent to requests; no reply on replies within 15000 ms, nothing else came/,
  ],
  [
    'only what is for others',
    [{ headers: { 'correlation-id': SOMEBODY } }],
    ['probe_no_reply'],
    /1 record came there for others/,
  ],
  ['as it should be', [right()], ['probe_answered'], /after 20 ms: status 200, 2 bytes/],
  ['capitals, which are understood', [right({ headers: { 'correlation-id': ID.toUpperCase() } })], ['probe_answered'], /./], // prettier-ignore
  ['too late', [right({ afterMs: 6100 })], ['probe_late'], /after 6100 ms; the timeout is 5000 ms/],
  [
    'another topic',
    [right({ topic: 'requests.reply' })],
    ['probe_wrong_topic'],
    /on topic requests\.reply; expected on replies/,
  ],
  ['the request itself, read back', [right({ topic: 'requests' })], ['probe_no_reply'], /./],
  [
    'another header',
    [{ headers: { 'X-Request-ID': ID } }],
    ['probe_wrong_header'],
    /in header X-Request-ID; expected in one of the headers .*correlation-id/,
  ],
  ['the key', [{ key: ID }], ['probe_wrong_header'], /in the key; expected/],
  ['the value', [{ value: `{"id":"${ID}"}` }], ['probe_wrong_header'], /in the value; expected/],
  [
    'the key, where it is looked for',
    [{ key: ID }],
    ['probe_answered'],
    /status 200/,
    { rule: matchRule('key', undefined) },
  ],
  [
    'no hyphens',
    [{ headers: { 'correlation-id': ID.replaceAll('-', '') } }],
    ['probe_wrong_id'],
    /header correlation-id without hyphens/,
  ],
  [
    'base64',
    [{ headers: { 'correlation-id': Buffer.from(ID).toString('base64') } }],
    ['probe_wrong_id'],
    /base64 of its text/,
  ],
  [
    'a JSON string, as quotes are added',
    [{ headers: { 'correlation-id': `"${ID}"` } }],
    ['probe_wrong_header'],
    /./,
  ],
  [
    'an id of its own making',
    [{ headers: { 'correlation-id': '4711' } }],
    ['probe_wrong_id'],
    /the id in header correlation-id has 4 characters/,
  ],
  [
    'no id at all',
    [{ headers: { 'content-type': 'x' } }],
    ['probe_wrong_header'],
    /came with the headers content-type/,
  ],
  [
    'the id of another request',
    [{ headers: { [PROBE_HEADER]: '1', 'correlation-id': SOMEBODY } }],
    ['probe_wrong_id'],
    /headers of the probe and the id of somebody else/,
  ],
  [
    'the mark of an error',
    [right({ value: null, headers: { 'kafka_nest-err': 'no' } })],
    ['probe_error_reply'],
    /mark of an error/,
  ],
  ['a status that is an error', [right({ headers: { status: '422' } })], ['probe_error_reply'], /status 422/],
  [
    'a status that is none',
    [right({ headers: { status: 'fine' } })],
    ['probe_invalid_reply'],
    /^reply_invalid: /,
  ],
  [
    'too much',
    [right({ value: 'x'.repeat(101) })],
    ['probe_invalid_reply'],
    /reply_too_large: the reply has 101 bytes/,
  ],
  [
    'three replies',
    [right(), right({ afterMs: 30 }), right({ afterMs: 40 })],
    ['probe_answered', 'probe_many_replies'],
    /3 replies came on replies, the last one after 40 ms/,
  ],
  // It was told to answer once.
  [
    'three replies, of which each goes to the client',
    [right(), right({ afterMs: 30 }), right({ afterMs: 40 })],
    ['probe_answered'],
    /Answered after 20 ms/,
    { takesSeveral: true },
  ],
  [
    'the wrong partition',
    [right({ partition: 2 })],
    ['probe_wrong_partition'],
    /on partition 2 of replies; the request names 0/,
    { partition: 0 },
  ],
  [
    'a reply that names a reply topic, where both share one',
    [
      right({ headers: { 'reply-to': 'replies', [PROBE_HEADER]: '1' } }),
      right({ headers: { 'reply-to': 'replies' } }),
    ],
    ['probe_wrong_header'],
    /names a reply topic/,
    { topic: 'replies' },
  ],
];
for (const [what, replies, codes, text, more] of CASES)
  test(`the service answers with ${what}`, () => {
    const findings = findingsOf(replies, more);
    assert.deepEqual(
      findings.map(({ code }) => code),
      codes,
    );
    assert.match(findings.at(-1)!.what, text);
    assert.ok(
      findings.every(({ what: sentence, where }) => sentence.endsWith('.') && where === 'route orders'),
    );
  });

test('every finding of a probe is a case here, but the one of a probe that cannot be sent', () => {
  const told = new Set(CASES.flatMap(([, , codes]) => codes));
  const all = (Object.keys(FINDINGS) as FindingCode[]).filter((code) => code.startsWith('probe_'));
  assert.deepEqual(
    all.filter((code) => !told.has(code)),
    ['probe_not_sent'],
  );
});

test('what stands in a record is not told', () => {
  const findings = findingsOf([
    { headers: { authorization: 'planted', 'x-other': 'planted' }, key: 'planted', value: 'planted' },
  ]);
  assert.doesNotMatch(JSON.stringify(findings), /planted/);
});
