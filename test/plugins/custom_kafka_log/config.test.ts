import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kongDump } from '../../../bridge/config/kong-schema';
import { DEFINITION, parseLogConfig } from '../../../plugins/custom_kafka_log/config';
import { DEFINITION as PRODUCER } from '../../../plugins/custom_kafka_producer/config';
import { kongComplaints } from '../../support/kong-check';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'logs' };

const TAKEN: object[] = [
  {},
  { custom_fields: { 'a.b': 'x', c: '', 'd\\.e': '$(/request/id) of $(/service/name)' } },
  { custom_fields_by_lua: {} },
  { topic_template: 'logs.$(/service/name)', allowed_topics: ['logs.a'] },
  { include: ['/request', '/a~1b/~0'], exclude: ['/tries'] },
  { redact: [] },
  { only_status: ['404', '500-599'], sample_rate: 0 },
  { sample_rate: 0.01 },
  { key_pointer: '/consumer/id', log_format: 'ecs', entities: 'full' },
  { sink: { name: 'main', secret: 'at least sixteen characters' } },
  // What a configuration of Kafka Log has.
  {
    cluster_name: 'c',
    key_query_arg: 'tenant',
    timeout: 10_000,
    keepalive: 60_000,
    keepalive_enabled: false,
    producer_request_acks: 1,
    producer_request_timeout: 2000,
    producer_request_limits_messages_per_request: 200,
    producer_request_limits_bytes_per_request: 1_048_576,
    producer_request_retries_max_attempts: 10,
    producer_request_retries_backoff_timeout: 100,
    producer_async: true,
    producer_async_flush_timeout: 1000,
    producer_async_buffering_limits_messages_in_memory: 50_000,
    compression_type: 'none',
    security: { ssl: true, ssl_verify: true },
  },
];

for (const options of TAKEN) {
  test(`taken, by Kong as well: ${JSON.stringify(options).slice(0, 80)}`, () => {
    assert.ok(parseLogConfig({ ...LEAST, ...options }));
    assert.deepEqual(kongComplaints('custom_kafka_log', { ...LEAST, ...options }), []);
  });
}

test('other than the halves of a request it may be configured for a consumer', () => {
  assert.match(JSON.stringify(kongDump(PRODUCER)), /"consumer":\{"type":"foreign"/);
  assert.doesNotMatch(JSON.stringify(kongDump(DEFINITION)), /"consumer":\{/);
});
