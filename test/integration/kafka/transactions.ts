/** Replies of a service that answers in transactions, as Spring with a transactional template does. */
import { newProducer } from '../../../bridge/kafka/binding';
import type { NativeError, NativeProducer } from '../../../bridge/kafka/binding';
import type { OutgoingRecord } from '../../../bridge/kafka/records';
import { toNativeHeaders } from '../../../bridge/kafka/record-conversion';

type Done = (error?: NativeError | null) => void;

/** Of node-rdkafka; the product uses none of it. */
interface Transactional {
  initTransactions(timeoutMs: number, done: Done): void;
  beginTransaction(done: Done): void;
  commitTransaction(timeoutMs: number, done: Done): void;
  abortTransaction(timeoutMs: number, done: Done): void;
  flush(timeoutMs: number, done: Done): void;
}

const LIMIT_MS = 10_000;

export class TransactionalProducer {
  readonly #client: NativeProducer & Transactional;

  private constructor(client: NativeProducer & Transactional) {
    this.#client = client;
  }

  static async connect(bootstrapServers: string, transactionalId: string): Promise<TransactionalProducer> {
    const client = newProducer({
      global: { 'bootstrap.servers': bootstrapServers, 'transactional.id': transactionalId, 'linger.ms': 0 },
      topic: {},
    }) as NativeProducer & Transactional;
    await done((called) => client.connect({ allTopics: false, timeout: LIMIT_MS }, called));
    await done((called) => client.initTransactions(LIMIT_MS, called));
    return new TransactionalProducer(client);
  }

  begin(): Promise<void> {
    return done((called) => this.#client.beginTransaction(called));
  }

  /** Resolves when the broker has the records, which nobody who reads committed ones sees yet. */
  async send(...records: OutgoingRecord[]): Promise<void> {
    for (const record of records)
      this.#client.produce(record.topic, record.partition ?? null, record.value, null, null, null, toNativeHeaders(record)); // prettier-ignore
    await done((called) => this.#client.flush(LIMIT_MS, called));
  }

  commit(): Promise<void> {
    return done((called) => this.#client.commitTransaction(LIMIT_MS, called));
  }

  abort(): Promise<void> {
    return done((called) => this.#client.abortTransaction(LIMIT_MS, called));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#client.disconnect(100, () => resolve()));
  }
}

function done(start: (called: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}
