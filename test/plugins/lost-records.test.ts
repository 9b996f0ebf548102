/** Records that are lost after their client was told otherwise, or where nobody here waits: the log says which. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { captureLog } from '../pluginserver/support/serving';
import { FakeKong } from '../support/fake-kong';
import { headerOf } from '../support/fake-kafka';
import { route } from '../support/route';

const LOST = new GatewayError('produce_failed', 'The broker refused the record for orders: too large.');
const REQUEST = {
  requestId: 'of-kong',
  headers: { 'kong-request-id': 'shown', authorization: 'Basic c2VjcmV0' },
  body: 'two books',
};

test('the loss of a promised record names the request by both ids, and nothing of what was said', async (t) => {
  const logged = captureLog(t);
  const { kafka, producer, nothingPending } = route({
    producer: { reply_topic: undefined, producer_async: true },
  });
  const kong = new FakeKong(REQUEST);
  await producer.access(kong);
  assert.equal(kong.exits[0]?.status, 200);
  kafka.produced[0]?.onDelivery(LOST);
  const lines = logged.filter(({ event }) => event === 'accepted_record_lost');
  assert.equal(lines.length, 1);
  const [line] = lines;
  assert.equal(line?.correlation_id, 'shown');
  assert.equal(line?.request_id, 'of-kong');
  assert.deepEqual([line?.topic, line?.code, line?.reason], ['orders', 'produce_failed', LOST.detail]);
  assert.doesNotMatch(JSON.stringify(logged), /two books|c2VjcmV0/);
  nothingPending();
});

test('where the reply is waited for in another process, the request is named as well', async (t) => {
  const logged = captureLog(t);
  const { kafka, producer } = route({ together: false });
  await producer.access(new FakeKong({ requestId: 'of-kong', body: 'two books' }));
  const { record, onDelivery } = kafka.produced[0]!;
  onDelivery(LOST);
  const [line] = logged.filter(({ event }) => event === 'request_not_delivered');
  // Its client named none: it is known by the id on the record.
  assert.equal(line?.correlation_id, headerOf(record, 'kafka_correlationId'));
  assert.equal(line?.request_id, 'of-kong');
  assert.equal(line?.code, 'produce_failed');
});

test('a record that arrives is no line', async (t) => {
  const logged = captureLog(t);
  const { kafka, producer } = route({ producer: { reply_topic: undefined, producer_async: true } });
  await producer.access(new FakeKong(REQUEST));
  kafka.produced[0]?.onDelivery(undefined);
  assert.deepEqual(logged, []);
});
