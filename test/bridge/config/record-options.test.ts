import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { kongComplaints } from '../../support/kong-check';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders' };

const TAKEN: object[] = [
  { topics_query_arg: 't', allowed_topics: ['a'] },
  { topics_query_arg: 't', allowed_topics: ['orders'], reply_topic: 'orders' },
  { key_query_arg: 'k' },
  { key_source: 'body_field', key_name: '/order/id' },
  { key_source: 'correlation_id' },
  { message_format: 'envelope', forward_uri: true, forward_body: false },
  { key_source: 'body_field', key_name: '/a~0b/~1' },
  { key_source: 'header', key_name: '/a~' },
  { headers: { name_mappings: { 'x-a': 'tenant id', 'X-Tenant': 'tenant', content: 'my-status' } } },
];

for (const options of TAKEN) {
  test(`taken, by Kong as well: ${JSON.stringify(options)}`, () => {
    assert.ok(parseProducerConfig({ ...LEAST, ...options }));
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, ...options }), []);
  });
}
