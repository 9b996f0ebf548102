import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders' };

const REFUSED: [object, string][] = [
  [
    { topics_query_arg: 't' },
    'allowed_topics: required together with topics_query_arg, which would let clients write to any topic',
  ],
  [{ allowed_topics: ['a'] }, 'allowed_topics: has no meaning without topics_query_arg'],
  [{ topics_query_arg: 't', allowed_topics: [] }, 'allowed_topics: must not be empty'],
  [
    { topics_query_arg: 't', allowed_topics: ['a b'] },
    'allowed_topics.0: must be a Kafka topic name (letters, digits, ".", "_", "-")',
  ],
  [
    { topics_query_arg: 't', allowed_topics: ['__consumer_offsets'] },
    'allowed_topics: __consumer_offsets is not a topic that clients may write to',
  ],
  [
    { topics_query_arg: 't', allowed_topics: ['replies'], reply_topic: 'replies' },
    'allowed_topics: must not name reply_topic, where clients could write replies',
  ],
  [
    { key_query_arg: 'k', key_source: 'consumer' },
    'key_query_arg: cannot be combined with key_source, use one of the two',
  ],
  [{ key_source: 'header' }, 'key_name: required with key_source: header'],
  [{ key_name: 'x' }, 'key_name: has no meaning with key_source: none'],
  [{ key_source: 'consumer', key_name: 'x' }, 'key_name: has no meaning with key_source: consumer'],
  [
    { key_source: 'body_field', key_name: '/a~' },
    'key_name: must be a JSON pointer (RFC 6901), where "~" stands only in "~0" and "~1"',
  ],
  [{ forward_method: true }, 'forward_method: needs message_format: envelope'],
  [{ forward_uri: true }, 'forward_uri: needs message_format: envelope'],
  [{ forward_headers: true }, 'forward_headers: needs message_format: envelope'],
  [
    { message_format: 'envelope', forward_body: false },
    'forward_body: one of forward_method, forward_uri, forward_headers and forward_body must be true',
  ],
  [
    { forward_body: false },
    'forward_body: one of forward_method, forward_uri, forward_headers and forward_body must be true',
  ],
  [
    { headers: { name_mappings: { 'x-a': 'Kafka-ReplyTopic' } } },
    'headers.name_mappings: x-a must not become Kafka-ReplyTopic, which the gateway alone may write',
  ],
  [
    { headers: { name_mappings: { 'x-a': 'kong-request-id' } } },
    'headers.name_mappings: x-a must not become kong-request-id, which the gateway alone may write',
  ],
  [
    { headers: { name_mappings: { 'content-type': 'type' } } },
    'headers.name_mappings: content-type cannot be renamed',
  ],
  [
    { headers: { name_mappings: { 'a b': 'type' } } },
    'headers.name_mappings: the name "a b" must be a header name',
  ],
  [{ cloudevents_type: 'a b' }, 'cloudevents_type: must be printable ASCII without blanks'],
];

for (const [options, detail] of REFUSED) {
  test(`refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => parseProducerConfig({ ...LEAST, ...options }), { code: 'misconfigured', detail });
  });
}

const TAKEN: object[] = [
  { topics_query_arg: 't', allowed_topics: ['a'] },
  { topics_query_arg: 't', allowed_topics: ['orders'], reply_topic: 'orders' },
  { key_query_arg: 'k' },
  { key_source: 'body_field', key_name: '/order/id' },
  { key_source: 'correlation_id' },
  { message_format: 'envelope', forward_uri: true, forward_body: false },
  { headers: { name_mappings: { 'x-a': 'tenant id' } } },
];

for (const options of TAKEN) {
  test(`taken: ${JSON.stringify(options)}`, () => {
    assert.ok(parseProducerConfig({ ...LEAST, ...options }));
  });
}
