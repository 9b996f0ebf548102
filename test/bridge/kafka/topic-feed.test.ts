import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ConsumerSession } from '../../../bridge/kafka/consumer-session';
import type { RecordProducer } from '../../../bridge/kafka/producer';
import { TopicFeed } from '../../../bridge/kafka/topic-feed';
import { captureLog } from '../../pluginserver/support/serving';

/** A topic whose partitions have a hundred records each, as the broker that is asked says it. */
async function lab(t: TestContext) {
  captureLog(t);
  const topic = { partitions: 3 };
  const producer = {
    whenUp: async () => undefined,
    partitionsOf: async () => topic.partitions,
    watermarks: async (_: string, partitions: readonly number[]) =>
      partitions.map(() => ({ low: 0, high: 100 })),
  } as unknown as RecordProducer;
  const session = {
    reassign: async () => undefined,
    reading: true,
    downForMs: 0,
  } as unknown as ConsumerSession;
  const feed = new TopicFeed(
    { topic: 'replies', partition: undefined, create: undefined },
    producer,
    session,
  );
  t.after(() => feed.end());
  const failures: string[] = [];
  await feed
    .add(
      { from: 'end', onRecord: () => undefined, onLost: ({ code }) => failures.push(code) },
      () => undefined,
    )
    .whenReady();
  const offsets = () => feed.offsets().map(({ partition, offset }) => [partition, offset]);
  return { topic, feed, offsets, failures };
}

test('partitions that are gone are read no more, once a second look says the same', async (t) => {
  const { topic, feed, offsets, failures } = await lab(t);
  topic.partitions = 1;
  await feed.checkPartitions();
  assert.deepEqual([offsets().length, feed.doubtful], [3, true]);
  await feed.checkPartitions();
  assert.deepEqual([offsets(), feed.doubtful, failures], [[[0, 100]], false, []]);
});

test('a broker that knows less than the others for a while does not make all of a partition come again', async (t) => {
  const { topic, feed, offsets } = await lab(t);
  topic.partitions = 1;
  await feed.checkPartitions();
  await feed.checkPartitions();
  topic.partitions = 4;
  await feed.checkPartitions();
  assert.deepEqual(offsets(), [
    [0, 100],
    [1, 100],
    [2, 100],
    [3, 0],
  ]);
});
