import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlationIdOf, headerRanks, isRequest, requestHeaders } from '../../../bridge/reply/dialects';
import { matchRule } from '../../../bridge/reply/match-rule';
import { receivedRecord } from '../../support/records';

const ID = '123e4567-e89b-12d3-a456-426614174000';
const RAW_ID = Buffer.from('123e4567e89b12d3a456426614174000', 'hex');

test('the default dialects put these headers on a request', () => {
  assert.deepEqual(requestHeaders(['plain', 'spring', 'smallrye'], ID, 'orders.replies'), [
    ['correlation-id', ID],
    ['reply-to', 'orders.replies'],
    ['kafka_correlationId', ID],
    ['kafka_replyTopic', 'orders.replies'],
    ['REPLY_CORRELATION_ID', ID],
    ['REPLY_TOPIC', 'orders.replies'],
  ]);
});

test('spring and nestjs together send their common headers once', () => {
  assert.deepEqual(
    requestHeaders(['nestjs', 'spring'], ID, 'r').map(([name]) => name),
    ['kafka_correlationId', 'kafka_replyTopic'],
  );
});

test('zilla has names of its own', () => {
  assert.deepEqual(requestHeaders(['zilla'], ID, 'r'), [
    ['zilla:correlation-id', ID],
    ['zilla:reply-to', 'r'],
  ]);
});

for (const name of [
  'kafka_correlationId',
  'REPLY_CORRELATION_ID',
  'zilla:correlation-id',
  'correlation-id',
]) {
  test(`a reply is recognised by ${name}, as text and as 16 raw bytes`, () => {
    assert.equal(correlationIdOf(receivedRecord({ headers: { [name]: ID } })), ID);
    assert.equal(correlationIdOf(receivedRecord({ headers: { [name]: RAW_ID } })), ID);
  });
}

test('of several correlation headers the one of Spring wins, and a configured one before it', () => {
  const record = receivedRecord({
    headers: {
      'correlation-id': 'plain',
      mine: 'mine',
      kafka_correlationId: 'spring',
      REPLY_CORRELATION_ID: 'quarkus',
    },
  });
  assert.equal(correlationIdOf(record), 'spring');
  assert.equal(correlationIdOf(record, headerRanks('mine')), 'mine');
});

test('what cannot be an id is none', () => {
  assert.equal(correlationIdOf(receivedRecord({})), undefined);
  assert.equal(correlationIdOf(receivedRecord({ headers: { kafka_correlationId: '' } })), undefined);
  assert.equal(
    correlationIdOf(receivedRecord({ headers: { kafka_correlationId: 'x'.repeat(129) } })),
    undefined,
  );
});

test('a record that names a reply topic is a request, whoever made it', () => {
  for (const name of ['reply-to', 'kafka_replyTopic', 'REPLY_TOPIC', 'zilla:reply-to']) {
    assert.equal(isRequest(receivedRecord({ headers: { [name]: 't' } })), true, name);
  }
  assert.equal(isRequest(receivedRecord({ headers: { kafka_correlationId: ID } })), false);
});

test('match: key takes the whole key', () => {
  const rule = matchRule('key', undefined);
  assert.equal(rule.correlationIdOf(receivedRecord({ key: ID })), ID);
  assert.equal(
    rule.correlationIdOf(receivedRecord({ key: null, headers: { kafka_correlationId: ID } })),
    undefined,
  );
});

test('match: body_field reads the field of the seed service, or the one that is named', () => {
  const value = JSON.stringify({ 'correlation-id': ID, id: 'other', number: 5 });
  assert.equal(matchRule('body_field', undefined).correlationIdOf(receivedRecord({ value })), ID);
  assert.equal(matchRule('body_field', 'id').correlationIdOf(receivedRecord({ value })), 'other');
  assert.equal(matchRule('body_field', 'number').correlationIdOf(receivedRecord({ value })), undefined);
});

test('match: body_field meets anything without an exception', () => {
  const rule = matchRule('body_field', '__proto__');
  const values = ['', 'null', '5', '"x"', '[]', '{', '{"a":', '\0\0', '{}', Buffer.from([0xff, 0xfe]), null];
  for (const value of values) assert.equal(rule.correlationIdOf(receivedRecord({ value })), undefined);
});
