import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routePlugins } from '../../dev/plugin-form';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';

const REQUEST = {
  bootstrap_servers: [{ host: 'kafka', port: 9092 }],
  topic: 'orders',
  reply_topic: 'replies',
};
const REPLY = { timeout: 700, match: 'key' };

test('a route has the same options in either form', () => {
  const [producer, consumer, ...others] = routePlugins('pair', REQUEST, REPLY);
  const [both, ...more] = routePlugins('one-event', REQUEST, REPLY);
  assert.deepEqual([...others, ...more], []);
  assert.deepEqual(
    [producer, consumer, both].map((plugin) => plugin?.name),
    ['custom_kafka_producer', 'custom_kafka_consumer', 'custom_kafka_request_reply'],
  );
  const request = parseProducerConfig(producer?.config);
  const reply = parseConsumerConfig(consumer?.config);
  const config = parseRequestReplyConfig(both?.config);
  assert.deepEqual([config.topic, config.reply_topic], [request.topic, request.reply_topic]);
  assert.deepEqual([config.reply.timeout, config.reply.match], [reply.timeout, reply.match]);
});

test('without options for the reply both forms have the defaults', () => {
  const [, consumer] = routePlugins('pair', REQUEST);
  const [both] = routePlugins('one-event', REQUEST);
  const { timeout, match } = parseConsumerConfig(consumer?.config);
  const { reply } = parseRequestReplyConfig(both?.config);
  assert.deepEqual([reply.timeout, reply.match], [timeout, match]);
});
