import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomClusterId } from '../../../dev/kafka/distribution';
import { serverProperties } from '../../../dev/kafka/server-files';

const cluster = [1, 2, 3].map((id) => ({ id, port: 9090 + id, controllerPort: 9190 + id }));

test('one node keeps single copies', () => {
  const [node] = cluster;
  assert.ok(node);
  const properties = serverProperties(node, [node], '/data');
  assert.equal(properties['default.replication.factor'], '1');
  assert.equal(properties['min.insync.replicas'], '1');
  assert.equal(properties['controller.quorum.voters'], '1@127.0.0.1:9191');
});

test('three nodes replicate three times, need two in sync and keep the stock session', () => {
  const properties = cluster.map((node) => serverProperties(node, cluster, '/data'));
  for (const each of properties) {
    assert.equal(each['default.replication.factor'], '3');
    assert.equal(each['min.insync.replicas'], '2');
    assert.equal(each['controller.quorum.voters'], '1@127.0.0.1:9191,2@127.0.0.1:9192,3@127.0.0.1:9193');
    assert.equal(each['broker.session.timeout.ms'], undefined);
  }
  assert.deepEqual(
    properties.map((each) => each['node.id']),
    ['1', '2', '3'],
  );
});

test('given properties win', () => {
  const [node] = cluster;
  assert.ok(node);
  const properties = serverProperties(node, [node], '/data', { 'num.partitions': '7' });
  assert.equal(properties['num.partitions'], '7');
});

test('a cluster id has the form Kafka wants and never looks like a flag', () => {
  for (let i = 0; i < 200; i++) assert.match(randomClusterId(), /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
});
