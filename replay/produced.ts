import type { RecordProducer } from '../bridge/kafka/producer';
import type { OutgoingRecord } from '../bridge/kafka/records';

/** Resolves when a broker has it; rejects when none takes it. */
export function produced(producer: RecordProducer, record: OutgoingRecord): Promise<void> {
  return new Promise((resolve, reject) =>
    producer.produce(record, (error) => (error ? reject(error) : resolve()), { awaited: true }),
  );
}
