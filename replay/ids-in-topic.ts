import type { ConnectionOptions } from '../bridge/kafka/connection';
import type { RecordProducer } from '../bridge/kafka/producer';
import { TopicReader } from '../bridge/kafka/reader';

/** Every id in a topic, as it is now; none where there is no such topic. The ids are the keys of its records. */
export async function idsInTopic(
  topic: string,
  connection: ConnectionOptions,
  producer: RecordProducer,
): Promise<Set<string>> {
  const ids = new Set<string>();
  if ((await producer.partitionsOf(topic)) === 0) return ids;
  const reader = new TopicReader(connection, producer);
  try {
    await new Promise<void>((resolve, reject) =>
      reader.follow(topic, {
        from: { sinceMs: 0 },
        upToNow: true,
        onRecord: ({ key }) => void (key && ids.add(key.toString())),
        onCaughtUp: resolve,
        onLost: reject,
      }),
    );
    return ids;
  } finally {
    await reader.close();
  }
}
