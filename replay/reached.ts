import { systemClock, type Clock } from '../bridge/clock';
import { GatewayError } from '../bridge/errors';
import type { RecordProducer } from '../bridge/kafka/producer';

/** Resolves when a broker has answered. @throws GatewayError `not_ready` with the reason, when none has in time */
export async function reached(
  producer: Pick<RecordProducer, 'whenUp' | 'reason'>,
  limitMs: number,
  clock: Clock = systemClock,
): Promise<void> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(limitMs, () => {
      const reason = producer.reason ?? 'nobody answers';
      reject(new GatewayError('not_ready', `Kafka was not reached in ${limitMs / 1000} seconds: ${reason}.`));
    });
  });
  await Promise.race([producer.whenUp(), late]).finally(cancel);
}
