import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { RecordProducer } from '../../bridge/kafka/producer';
import { TopicReader } from '../../bridge/kafka/reader';
import type { ReceivedRecord } from '../../bridge/kafka/records';

const QUIET_MS = 150;

/**
 * Everything in a topic, from its first record on: waits for `count` of them and then until no more come.
 * @throws when fewer than `count` have come within the limit
 */
export async function readAll(
  connection: ConnectionOptions,
  topic: string,
  count: number,
  limitMs = 10_000,
): Promise<ReceivedRecord[]> {
  const producer = new RecordProducer(connection);
  const reader = new TopicReader(connection, producer);
  const records: ReceivedRecord[] = [];
  let lastAtMs = performance.now();
  try {
    await reader
      .follow(topic, {
        from: { sinceMs: 0 },
        onRecord: (record) => {
          records.push(record);
          lastAtMs = performance.now();
        },
      })
      .whenReady();
    const deadlineMs = performance.now() + limitMs;
    while (records.length < count || performance.now() - lastAtMs < QUIET_MS) {
      if (records.length < count && performance.now() > deadlineMs)
        throw new Error(`${records.length} of ${count} records in ${topic} after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return records;
  } finally {
    await reader.close();
    await producer.close();
  }
}
