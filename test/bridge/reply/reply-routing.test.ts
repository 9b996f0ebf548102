import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orphanRecord } from '../../../bridge/reply/orphans';
import { isNodeTopic, replyRoute, replyTopicOf } from '../../../bridge/reply/reply-routing';
import { receivedRecord } from '../../support/records';

const routing = (
  mode: 'broadcast' | 'partition' | 'topic',
  more: { partition?: number; replyTopic?: string } = {},
) =>
  replyRoute(
    { mode, replyTopic: 'replies', partition: undefined, dialects: ['plain', 'nestjs'], ...more },
    'kong-3',
  );

test('broadcast says nothing about where a reply goes, but its topic', () => {
  assert.deepEqual(routing('broadcast'), { replyTopic: 'replies', partitionHeaders: [] });
});

test('a partition is the configured one, which must exist, or that of the node among those there are', () => {
  const partitionHeaders = ['reply-partition', 'kafka_replyPartition'];
  assert.deepEqual(routing('partition', { partition: 5 }), {
    replyTopic: 'replies',
    partition: { number: 5, wraps: false },
    partitionHeaders,
  });
  assert.deepEqual(routing('partition').partition, { number: 3, wraps: true });
});

test('a topic of its own is named after the node, and is made with a short retention', () => {
  const { replyTopic, create, routeTag } = routing('topic', { replyTopic: 'orders.{node}.replies' });
  assert.equal(replyTopic, 'orders.gateway-kong-3.replies');
  assert.equal(routeTag, 3);
  assert.equal(create?.config?.['cleanup.policy'], 'delete');
});

test("a topic that somebody else has named is not taken for a node's", () => {
  const template = 'orders.{node}.replies';
  assert.ok(isNodeTopic(template, replyTopicOf(template, 'kong-9')));
  for (const other of [
    'orders.archive.replies',
    'orders.gateway-.replies',
    'orders.gateway-a',
    'x.gateway-a.replies',
  ])
    assert.ok(!isNodeTopic(template, other), other);
  assert.ok(!isNodeTopic('orders', 'ordersgateway-a'));
});

test('an orphan is the reply as it came, with what it is in front; headers that are not text stay behind', () => {
  const reply = receivedRecord({
    headers: {
      'correlation-id': 'an id',
      'orphan-reason': 'what the responder says of it',
      binary: Buffer.from([0, 0, 0, 3]),
      latin1: Buffer.from([0xe9]),
    },
    key: 'k',
    value: 'v',
  });
  const { topic, key, value, headers } = orphanRecord({ reply, reason: 'late', lateByMs: 40 }, 'orphans');
  assert.deepEqual([topic, key?.toString(), value?.toString()], ['orphans', 'k', 'v']);
  assert.deepEqual(headers, [
    ['orphan-reason', 'late'],
    ['orphan-topic', 'replies'],
    ['orphan-partition', '0'],
    ['orphan-offset', '0'],
    ['orphan-late-ms', '40'],
    ['correlation-id', 'an id'],
  ]);
});
