import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';
import { kongComplaints } from '../../support/kong-check';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders', reply_topic: 'replies' };
const ACCEPTED: object[] = [
  { reply_routing: 'partition', dialects: ['plain'], reply_partition: 3 },
  { reply_routing: 'partition', dialects: ['nestjs', 'plain'] },
  { reply_routing: 'topic', reply_topic: '{node}-replies' },
  { reply_topic: 'orders', orphan_topic: 'orphans' },
];

for (const options of ACCEPTED) {
  test(`accepted, by Kong as well: ${JSON.stringify(options)}`, () => {
    parseProducerConfig({ ...LEAST, ...options });
    assert.deepEqual(kongComplaints('custom_kafka_producer', { ...LEAST, ...options }), []);
  });
}
