import { KafkaClients } from '../../bridge/kafka/clients';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import type { KafkaServer } from '../../dev/kafka/server';

/** Every record of a topic that is in it now and that is not written to any more. */
export async function readWholeTopic(
  { connection }: KafkaServer,
  topic: string,
  partitions: number,
  onRecord: (record: ReceivedRecord) => void,
): Promise<void> {
  const clients = new KafkaClients();
  const { producer, reader } = clients.acquire('bench', connection);
  try {
    await producer.whenUp();
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const marks = await producer.watermarks(topic, all);
    const expected = marks.reduce((sum, { high }) => sum + high, 0);
    let seen = 0;
    await new Promise<void>((resolve) => {
      reader.follow(topic, {
        from: { sinceMs: 0 },
        onRecord: (record) => {
          onRecord(record);
          if (++seen === expected) resolve();
        },
      });
    });
  } finally {
    await clients.close();
  }
}
