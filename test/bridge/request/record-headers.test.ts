import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordHeaders, type HeaderOptions } from '../../../bridge/request/record-headers';

const OPTIONS: HeaderOptions = {
  dialects: ['spring'],
  replyTopic: 'replies',
  correlationHeader: 'Kong-Request-ID',
};

function headersFor(headers: Record<string, string | string[]>, options = OPTIONS) {
  return recordHeaders({ id: 'kong-id', method: 'GET', headers, body: Buffer.alloc(0) }, 'wire-id', options);
}

test('a record carries media type, trace context, idempotency key, the id of Kong and the addressing', () => {
  const headers = {
    'content-type': 'text/csv',
    traceparent: '00-1',
    'kong-request-id': 'shown',
    'x-other': 'no',
  };
  assert.deepEqual(headersFor(headers), [
    ['content-type', 'text/csv'],
    ['traceparent', '00-1'],
    ['idempotency-key', 'kong-id'],
    ['Kong-Request-ID', 'shown'],
    ['kafka_correlationId', 'wire-id'],
    ['kafka_replyTopic', 'replies'],
  ]);
});

test('the key a client chose for idempotency is kept', () => {
  assert.deepEqual(headersFor({ 'idempotency-key': 'mine' })[0], ['idempotency-key', 'mine']);
});

/** Kong keeps underscores in header names, so a client can send `kafka_replyTopic` and try to redirect the reply. */
test('nothing a client sends decides where the reply goes', () => {
  const headers = headersFor({
    kafka_replyTopic: 'elsewhere',
    kafka_replytopic: 'elsewhere',
    kafka_correlationid: 'forged',
  });
  assert.ok(!headers.some(([, value]) => value === 'elsewhere' || value === 'forged'));
  const named = headersFor(
    { kafka_correlationid: 'forged' },
    { ...OPTIONS, correlationHeader: 'kafka_correlationId' },
  );
  assert.deepEqual(
    named.filter(([name]) => name.toLowerCase() === 'kafka_correlationid'),
    [['kafka_correlationId', 'wire-id']],
  );
});

test('a value that is not printable ASCII is left out rather than damaged on the way', () => {
  const headers = headersFor({
    traceparent: 'a\0b',
    tracestate: 'caf\xe9',
    'content-type': ['text/plain', 'text/html'],
  });
  assert.deepEqual(
    headers.map(([name]) => name),
    ['content-type', 'idempotency-key', 'Kong-Request-ID', 'kafka_correlationId', 'kafka_replyTopic'],
  );
});

test('one-way records carry no addressing', () => {
  const names = headersFor({}, { ...OPTIONS, replyTopic: undefined }).map(([name]) => name);
  assert.deepEqual(names, ['idempotency-key', 'Kong-Request-ID']);
});
