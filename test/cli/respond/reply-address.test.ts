import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceivedRecord } from '../../../bridge/kafka/records';
import { replyRecord } from '../../../cli/respond/reply';
import { replyAddress, type AddressRules, type ReplyAddress } from '../../../cli/respond/reply-address';

const record = (
  headers: Record<string, string | Buffer>,
  more: Partial<ReceivedRecord> = {},
): ReceivedRecord => ({
  topic: 'requests',
  partition: 0,
  offset: 1,
  timestamp: 0,
  key: null,
  value: Buffer.from('{}'),
  headers: Object.entries(headers).map(([name, value]) => [name, Buffer.from(value as Buffer)]),
  ...more,
});

const RULES: AddressRules = { dialect: 'auto', replyTopics: [], topics: ['requests'] };
const addressed = (request: ReceivedRecord, rules: Partial<AddressRules> = {}): ReplyAddress => {
  const address = replyAddress(request, { ...RULES, ...rules });
  assert.ok(typeof address === 'object', JSON.stringify(address));
  return address;
};

const text = (refusal: unknown): string => (typeof refusal === 'string' ? refusal : '');

const SPRING = { kafka_correlationId: 'id-1', kafka_replyTopic: 'replies' };

test('each dialect by itself, and all of them together', () => {
  for (const headers of [
    SPRING,
    { 'correlation-id': 'id-1', 'reply-to': 'replies' },
    { REPLY_CORRELATION_ID: 'id-1', REPLY_TOPIC: 'replies' },
    { 'zilla:correlation-id': 'id-1', 'zilla:reply-to': 'replies' },
    { ...SPRING, REPLY_CORRELATION_ID: 'id-1', REPLY_TOPIC: 'replies' },
  ]) {
    const address = addressed(record(headers));
    assert.deepEqual([address.topic, address.correlationId], ['replies', 'id-1']);
    assert.deepEqual(
      address.headers,
      Object.entries(headers).filter(([, value]) => value === 'id-1'),
    );
  }
});

test('the id of the gateway goes back beside one that the client chose', () => {
  assert.deepEqual(addressed(record({ ...SPRING, 'kong-kafka-request-id': 'r' })).headers.at(-1), [
    'kong-kafka-request-id',
    'r',
  ]);
});

test('the partition: in digits, or as four bytes; anything else is none', () => {
  const partition = (bytes: Buffer | string) =>
    addressed(record({ ...SPRING, kafka_replyPartition: bytes })).partition;
  assert.equal(partition('12'), 12);
  assert.equal(partition(Buffer.from([0, 0, 1, 2])), 258);
  for (const odd of ['', '-1', '1e3', 'planted', Buffer.from([9, 0, 0, 0])])
    assert.equal(partition(odd), undefined);
});

test('a record chooses only among topics that may be topics of replies', () => {
  const to = (topic: string, rules: Partial<AddressRules> = {}) =>
    replyAddress(record({ ...SPRING, kafka_replyTopic: topic }), { ...RULES, ...rules });
  for (const [topic, reason] of [
    ['__consumer_offsets', /one of Kafka's own/],
    ['requests', /where requests are/],
    ['a/b', /no topic name/],
    ['..', /no topic name/],
    ['x'.repeat(250), /no topic name/],
  ] as const)
    assert.match(text(to(topic)), reason);
  const listed = { replyTopics: ['replies', 'node.{node}'] };
  assert.match(text(to('other', listed)), /not among those of --reply-topic/);
  assert.equal((to('replies', listed) as ReplyAddress).topic, 'replies');
  assert.equal((to('node.gateway-kong-1', listed) as ReplyAddress).topic, 'node.gateway-kong-1');
});

test('a record that names no topic is answered on the one that is given', () => {
  const request = record({ 'correlation-id': 'id-1' });
  assert.equal(replyAddress(request, RULES), 'it names no reply topic');
  assert.equal(addressed(request, { replyTopics: ['replies'] }).topic, 'replies');
  assert.equal(
    replyAddress(request, { ...RULES, replyTopics: ['replies', 'more'] }),
    'it names no reply topic',
  );
});

test('one topic for both: what names no reply topic is a reply, and no answer is answered', () => {
  const rules = { replyTopics: ['requests'] };
  assert.equal(replyAddress(record({ 'correlation-id': 'id-1' }), { ...RULES, ...rules }), undefined);
  assert.equal(
    addressed(record({ 'correlation-id': 'id-1', 'reply-to': 'requests' }), rules).topic,
    'requests',
  );
});

test('an id that cannot be sent back is no id', () => {
  assert.match(
    text(replyAddress(record({ ...SPRING, kafka_correlationId: Buffer.alloc(16) }), RULES)),
    /no correlation id that is text/,
  );
});

test('services without headers: by key, and by a field of the JSON', () => {
  const key = addressed(record({}, { key: Buffer.from('k') }), { dialect: 'key', replyTopics: ['replies'] });
  assert.deepEqual([key.correlationId, key.headers], ['k', []]);
  const rules = { ...RULES, dialect: 'body', replyTopics: ['replies'] } as const;
  const request = record({}, { value: Buffer.from('{"correlation_id":"id-1","a":1}') });
  const reply = replyRecord(
    request,
    addressed(request, rules),
    { value: request.value! },
    { status: 201, error: undefined, headers: [] },
  );
  assert.deepEqual(JSON.parse(reply.value!.toString()), {
    correlation_id: 'id-1',
    a: 1,
    'correlation-id': 'id-1',
  });
  assert.deepEqual(reply.headers, [['status', '201']]);
  for (const value of ['no json', '[]', '{"correlation_id":7}'])
    assert.match(
      text(replyAddress(record({}, { value: Buffer.from(value) }), rules)),
      /is no JSON with a text/,
    );
});

test('an error has the mark of the dialect; headers that are given win', () => {
  const request = record(SPRING);
  const reply = (dialect: 'auto' | 'nestjs') =>
    replyRecord(
      request,
      addressed(request, { dialect }),
      { value: Buffer.from('sorry'), contentType: 'text/plain' },
      { status: 422, error: 'no', headers: [['content-type', 'a/b']] },
    );
  assert.deepEqual(reply('auto').headers, [
    ['kafka_correlationId', 'id-1'],
    ['status', '422'],
    ['REPLY_ERROR', 'no'],
    ['content-type', 'a/b'],
  ]);
  assert.equal(reply('nestjs').value, null);
  assert.ok(reply('nestjs').headers.some(([name, value]) => name === 'kafka_nest-err' && value === 'no'));
});
