import assert from 'node:assert/strict';
import { test } from 'node:test';
import { producerSettings } from '../../../bridge/config/produce-options';
import { producerProperties } from '../../../bridge/kafka/connection';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { kongComplaints } from '../../support/kong-check';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders' };

function propertiesOf(options: object) {
  const config = parseProducerConfig({ ...LEAST, ...options });
  const produce = producerSettings(config, config);
  const { global, topic } = producerProperties({ bootstrapServers: ['kafka:9092'], produce });
  return { ...global, ...topic };
}

const MAPPED: [options: object, properties: Record<string, unknown>][] = [
  [
    {},
    {
      acks: -1,
      'enable.idempotence': true,
      'request.timeout.ms': 2000,
      // With 3 s, a killed broker made the others' partitions hold hundreds of records twice.
      'message.timeout.ms': 30_000,
      'batch.num.messages': 200,
      'batch.size': 1_048_576,
      'message.send.max.retries': 10,
      'retry.backoff.ms': 100,
      'retry.backoff.max.ms': 200,
      'linger.ms': 0,
      'queue.buffering.max.messages': 10_000,
      'compression.codec': 'none',
    },
  ],
  [{ producer_request_acks: 1 }, { acks: 1, 'enable.idempotence': false }],
  [{ producer_request_acks: 0 }, { acks: 0, 'enable.idempotence': false }],
  [{ producer_idempotence: false }, { acks: -1, 'enable.idempotence': false }],
  // On by default, and so shown by Kong Manager, where it has an effect and where it has none.
  [
    { producer_request_acks: 1, producer_idempotence: true },
    { acks: 1, 'enable.idempotence': false },
  ],
  [
    { producer_request_retries_max_attempts: 0 },
    { 'message.send.max.retries': 0, 'enable.idempotence': false },
  ],
  // A record outlives its last request.
  [{ producer_request_timeout: 8000 }, { 'request.timeout.ms': 8000, 'message.timeout.ms': 30_000 }],
  [{ producer_request_timeout: 60_000 }, { 'request.timeout.ms': 60_000, 'message.timeout.ms': 61_000 }],
  [{ producer_request_limits_messages_per_request: 7 }, { 'batch.num.messages': 7 }],
  [{ producer_request_limits_bytes_per_request: 4096 }, { 'batch.size': 4096 }],
  [{ producer_request_retries_max_attempts: 3 }, { 'message.send.max.retries': 3 }],
  [
    { producer_request_retries_backoff_timeout: 900 },
    { 'retry.backoff.ms': 900, 'retry.backoff.max.ms': 900 },
  ],
  [{ compression_type: 'snappy' }, { 'compression.codec': 'snappy' }],
  // Nobody waits for these, so they may survive a long outage.
  [
    { producer_async: true },
    { 'linger.ms': 1000, 'queue.buffering.max.messages': 50_000, 'message.timeout.ms': 300_000 },
  ],
  [
    {
      producer_async: true,
      producer_async_flush_timeout: 20,
      producer_async_buffering_limits_messages_in_memory: 9,
    },
    { 'linger.ms': 20, 'queue.buffering.max.messages': 9 },
  ],
  [{ producer_async_flush_timeout: 20 }, { 'linger.ms': 0 }],
];

for (const [options, expected] of MAPPED) {
  test(`client properties of ${JSON.stringify(options)}`, () => {
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, ...options }), []);
    const properties: Record<string, unknown> = propertiesOf(options);
    const found = Object.fromEntries(Object.keys(expected).map((name) => [name, properties[name]]));
    assert.deepEqual(found, expected);
  });
}
