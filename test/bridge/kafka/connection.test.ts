import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumerProperties, producerProperties } from '../../../bridge/kafka/connection';

const connection = { bootstrapServers: ['a:9092', 'b:9092'], clientId: 'gateway-1' };

// The library drops them there without a word.
const TOPIC_LEVEL = ['acks', 'partitioner', 'message.timeout.ms', 'request.timeout.ms', 'auto.offset.reset'];

test('topic-level properties are never among the global ones', () => {
  for (const { global } of [producerProperties(connection), consumerProperties(connection)]) {
    for (const name of TOPIC_LEVEL) assert.equal(name in global, false, name);
  }
});

test('both clients know all servers and carry the client id', () => {
  for (const { global } of [producerProperties(connection), consumerProperties(connection)]) {
    assert.equal(global['metadata.broker.list'], 'a:9092,b:9092');
    assert.equal(global['client.id'], 'gateway-1');
  }
});

test('an assigning reader commits nothing and a group member does', () => {
  const reader = consumerProperties(connection);
  assert.equal(reader.global['enable.auto.commit'], false);
  const member = consumerProperties(connection, { groupId: 'workers', groupStart: 'latest' });
  assert.equal(member.global['group.id'], 'workers');
  assert.equal(member.global['enable.auto.commit'], true);
  assert.equal(member.topic['auto.offset.reset'], 'latest');
});

test('a reader never starts at the latest offset by itself', () => {
  assert.equal(consumerProperties(connection).topic['auto.offset.reset'], 'earliest');
});
