/** Replies to somebody else's requests, at a steady rate, as a process of its own. */
import { randomUUID } from 'node:crypto';
import { newProducer, type NativeProducer } from '../../bridge/kafka/binding';
import { producerProperties, type ConnectionOptions } from '../../bridge/kafka/connection';
import { childOptions, serveQuestions } from '../load/load-child';
import { bodyOf } from '../load/payload';

export interface ForeignOptions {
  readonly connection: ConnectionOptions;
  readonly topic: string;
}

/** From now on, until the next one. */
export interface ForeignQuestion {
  readonly perSecond: number;
}

const STEP_MS = 10;
/** A second of them: what the broker does not take in time is not sent later. */
const MOST_STEPS_BEHIND = 100;
const CONNECT_TIMEOUT_MS = 5000;

class Foreign {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly producer: NativeProducer,
    private readonly topic: string,
  ) {}

  rate(perSecond: number): void {
    clearInterval(this.#timer);
    const beganMs = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - beganMs) / 1000) * perSecond);
      sent = Math.max(sent, due - (MOST_STEPS_BEHIND * perSecond * STEP_MS) / 1000);
      for (; sent < due && this.#send(); sent++);
      this.producer.poll();
    }, STEP_MS);
  }

  /** @returns false when the client's queue is full */
  #send(): boolean {
    const id = randomUUID();
    try {
      this.producer.produce(this.topic, null, Buffer.from(bodyOf(id.slice(0, 32))), null, null, undefined, [
        { 'content-type': 'application/json' },
        { 'correlation-id': id },
      ]);
      return true;
    } catch {
      return false;
    }
  }
}

serveQuestions(async () => {
  const { connection, topic } = childOptions<ForeignOptions>();
  // As many services would be: full batches, and nobody waits for the acknowledgement.
  const overrides = { 'linger.ms': 5, dr_cb: false, 'max.in.flight': 5 };
  const producer = newProducer(producerProperties(connection, { overrides }));
  await new Promise<void>((resolve, reject) => {
    producer.connect({ allTopics: false, timeout: CONNECT_TIMEOUT_MS }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const foreign = new Foreign(producer, topic);
  return async ({ perSecond }: ForeignQuestion) => foreign.rate(perSecond);
});
