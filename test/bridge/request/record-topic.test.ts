import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordTopic } from '../../../bridge/request/record-topic';
import { parseUrlArgs } from '../../../bridge/request/url-args';

const topicOf = (query: string) =>
  recordTopic({ topic: 'orders', queryArg: 'topic', allowed: ['bills'] })(parseUrlArgs(query));

test('a client may choose from the list', () => {
  assert.equal(topicOf(''), 'orders');
  assert.equal(topicOf('topic=bills'), 'bills');
  assert.equal(topicOf('topic=orders'), 'orders');
  assert.equal(topicOf('topic=bills&topic=secret'), 'bills', 'the first counts');
});

test('anything else is refused', () => {
  for (const query of [
    'topic=secret',
    'topic=',
    'topic',
    'topic=Bills',
    'topic=__proto__',
    'topic=bills%00',
  ]) {
    assert.throws(() => topicOf(query), { code: 'request_invalid', status: 400 });
  }
});

test('without the option the query says nothing', () => {
  const fixed = recordTopic({ topic: 'orders', queryArg: undefined, allowed: [] });
  assert.equal(fixed(parseUrlArgs('topic=bills')), 'orders');
});
