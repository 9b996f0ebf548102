import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOfKey } from '../../../bridge/kafka/key-partition';

test('the hash is that of Java clients', () => {
  // Of Kafka's own UtilsTest.
  const known = {
    '21': -973932308,
    foobar: -790332482,
    'a-little-bit-long-string': -985981536,
    'a-little-bit-longer-string': -1486304829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
  };
  for (const [key, hash] of Object.entries(known)) assert.equal(murmur2(Buffer.from(key)), hash, key);
});

test('a view into a larger buffer has the partition of its own bytes', () => {
  const view = Buffer.from('xxfoobarxx').subarray(2, 8);
  assert.equal(partitionOfKey(view, 10), partitionOfKey('foobar', 10));
  assert.equal(partitionOfKey('foobar', 10), (-790332482 & 0x7fffffff) % 10);
});
