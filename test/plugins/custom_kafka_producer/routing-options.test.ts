import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProducerConfig } from '../../../plugins/custom_kafka_producer/config';

const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders', reply_topic: 'replies' };
const PARTITION = { reply_routing: 'partition', dialects: ['plain'] };

const REFUSED: [object, string][] = [
  [
    { reply_topic: undefined, reply_routing: 'partition' },
    'reply_routing: has no meaning without reply_topic',
  ],
  [{ reply_partition: 1 }, 'reply_partition: needs reply_routing: partition'],
  [{ ...PARTITION, reply_partition: -1 }, 'reply_partition: must be between 0 and 65535'],
  [
    { reply_routing: 'topic' },
    'reply_topic: must hold {node} with reply_routing: topic, or all gateways would share it',
  ],
  [{ reply_topic: 'r.{node}' }, 'reply_topic: {node} needs reply_routing: topic'],
  [
    { reply_topic: 'r.{host}', reply_routing: 'topic' },
    'reply_topic: must be a Kafka topic name (letters, digits, ".", "_", "-"), or one with {node} in it',
  ],
  [
    { reply_routing: 'partition' },
    'dialects: spring cannot be used with reply_routing: partition, because its partition header holds four raw bytes, which the Kafka client library cannot send in a header; use plain or nestjs, or reply_routing: topic',
  ],
  [
    { reply_routing: 'partition', dialects: ['zilla'] },
    'dialects: zilla cannot be used with reply_routing: partition, which it has no header for; use plain or nestjs, or reply_routing: topic',
  ],
  [
    { reply_routing: 'partition', dialects: [] },
    'dialects: must name plain or nestjs with reply_routing: partition, or no request would name the partition',
  ],
  [
    { reply_topic: 'r.{node}', reply_routing: 'topic', dialects: [] },
    'dialects: must name at least one with reply_routing: topic, or no request would name the topic',
  ],
  [{ reply_topic: undefined, orphan_topic: 'o' }, 'orphan_topic: has no meaning without reply_topic'],
  [
    { orphan_topic: 'replies' },
    'orphan_topic: must not be reply_topic, where every orphan would be one more reply',
  ],
  [
    { reply_topic: 'r.{node}', reply_routing: 'topic', orphan_topic: 'r.gateway-kong-1' },
    'orphan_topic: must not be reply_topic, where every orphan would be one more reply',
  ],
  [
    { orphan_topic: 'orders' },
    'orphan_topic: must not be a topic of requests, where replies would be answered',
  ],
];

for (const [options, complaint] of REFUSED) {
  test(`refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => parseProducerConfig({ ...LEAST, ...options }), {
      code: 'misconfigured',
      detail: complaint,
    });
  });
}

test('a template that becomes too long on this node is refused', () => {
  const options = { reply_routing: 'topic', reply_topic: `${'r'.repeat(240)}.{node}` };
  assert.throws(() => parseProducerConfig({ ...LEAST, ...options }), /more than the 249 that Kafka allows/);
});

test('accepted: NestJS and plain services by partition, any by topic', () => {
  parseProducerConfig({ ...LEAST, ...PARTITION, reply_partition: 3 });
  parseProducerConfig({ ...LEAST, reply_routing: 'partition', dialects: ['nestjs', 'plain'] });
  parseProducerConfig({ ...LEAST, reply_routing: 'topic', reply_topic: '{node}-replies' });
});
