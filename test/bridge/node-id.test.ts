import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId, nodeNumber } from '../../bridge/node-id';

test('the variable wins over the host name, and nothing is in it that a topic name must not have', () => {
  assert.equal(nodeId({}, 'kong-3.example.org'), 'kong-3.example.org');
  assert.equal(nodeId({ KONG_KAFKA_NODE_ID: 'blue 1/2' }, 'kong-3'), 'blue-1-2');
  assert.equal(nodeId({ KONG_KAFKA_NODE_ID: '' }, 'kong-3'), 'kong-3');
  assert.equal(nodeId({}, ''), 'unnamed');
  // The end tells nodes apart.
  assert.equal(nodeId({}, `${'x'.repeat(300)}-7`).length, 100);
  assert.match(nodeId({}, `${'x'.repeat(300)}-7`), /x-7$/);
});

test('a StatefulSet numbers its nodes; other names give a number that stays the same', () => {
  assert.equal(nodeNumber('kong-0'), 0);
  assert.equal(nodeNumber('kong-gateway-12'), 12);
  // FNV-1a of "foobar", from its authors' test vectors.
  assert.equal(nodeNumber('foobar'), 0xbf9cf968);
});

test('names without a number spread over the partitions', () => {
  const counts = Array.from({ length: 8 }, () => 0);
  for (let host = 0; host < 800; host++) counts[nodeNumber(`gateway${host}x`) % 8]!++;
  assert.ok(Math.min(...counts) > 50, counts.join(' '));
});
