/** Reply topics of gateways: the own one is kept alive, those of others go when nobody keeps them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { isSignOfLife, TopicKeeper } from '../../../bridge/kafka/topic-keeper';
import type { OutgoingRecord } from '../../../bridge/kafka/records';
import { setLogSink } from '../../../bridge/telemetry/log';
import { FakeClock } from '../../support/fake-clock';
import { receivedRecord } from '../../support/records';

setLogSink(() => undefined);

const RETENTION_MS = 900_000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Topics with the first and the next offset of their only partition. */
function keep(t: TestContext, topics: Record<string, [low: number, high: number]>) {
  const clock = new FakeClock();
  const signs: OutgoingRecord[] = [];
  const deleted: string[] = [];
  const cluster = { refuses: false, isAway: false };
  const producer = {
    state: 'up' as const,
    produce: (record: OutgoingRecord) => void signs.push(record),
    topics: () => (cluster.isAway ? Promise.reject(new Error('away')) : Promise.resolve(Object.keys(topics))),
    partitionsOf: () => Promise.resolve(1),
    watermarks: (topic: string) => {
      const [low, high] = topics[topic] ?? [0, 0];
      return Promise.resolve([{ low, high }]);
    },
  };
  const keeper = new TopicKeeper(
    { topic: 'r.gateway-1', retentionMs: RETENTION_MS, isSibling: (topic) => topic.startsWith('r.gateway-') },
    producer,
    { bootstrapServers: [] },
    {
      clock,
      delete: (topic) => {
        if (cluster.refuses) return Promise.reject(new Error('Topic authorization failed'));
        deleted.push(topic);
        delete topics[topic];
        return Promise.resolve();
      },
    },
  );
  t.after(() => keeper.stop());
  const pass = async () => {
    clock.advance(RETENTION_MS / 3);
    for (let step = 0; step < 20; step++) await settled();
  };
  return { clock, cluster, keeper, signs, deleted, pass };
}

test('three signs of life in a retention, each of them no reply', async (t) => {
  const { keeper, signs, pass, clock } = keep(t, {});
  for (let third = 0; third < 3; third++) await pass();
  assert.deepEqual(
    signs.map(({ topic, value }) => [topic, value]),
    Array(3).fill(['r.gateway-1', null]),
  );
  const headers = Object.fromEntries(signs[0]?.headers ?? []);
  assert.ok(isSignOfLife(receivedRecord({ headers })));
  assert.ok(!isSignOfLife(receivedRecord({ headers: { 'correlation-id': 'x' } })));
  keeper.stop();
  assert.equal(clock.pendingTimers, 0);
});

test('a topic whose records have all been deleted goes at the second look', async (t) => {
  const topics: Record<string, [number, number]> = {
    'r.gateway-1': [7, 7], // our own
    'r.gateway-gone': [40, 40],
    'r.gateway-alive': [10, 12],
    'r.gateway-new': [0, 0],
    'r.archive': [3, 3], // no gateway's
  };
  const { deleted, pass } = keep(t, topics);
  await pass();
  assert.deepEqual(deleted, []);
  await pass();
  assert.deepEqual(deleted, ['r.gateway-gone']);
  await pass();
  assert.deepEqual(deleted, ['r.gateway-gone']);
});

test('a topic whose gateway comes back between two looks stays', async (t) => {
  const topics: Record<string, [number, number]> = { 'r.gateway-back': [40, 40] };
  const { deleted, pass } = keep(t, topics);
  await pass();
  topics['r.gateway-back'] = [40, 41];
  await pass();
  topics['r.gateway-back'] = [41, 41];
  await pass();
  assert.deepEqual(deleted, []);
});

test('without the right to delete, or a cluster, it goes on', async (t) => {
  const { cluster, deleted, signs, pass } = keep(t, { 'r.gateway-gone': [40, 40] });
  cluster.refuses = true;
  for (let look = 0; look < 3; look++) await pass();
  cluster.isAway = true;
  await pass();
  assert.deepEqual([signs.length, deleted], [4, []]);
  cluster.isAway = cluster.refuses = false;
  for (let look = 0; look < 2; look++) await pass();
  assert.deepEqual(deleted, ['r.gateway-gone']);
});
