/**
 * What two bare processes can do: the client library alone, with the plugins' settings, between one Map and the
 * responder. No HTTP, no Kong, no configuration, no deadline.
 */
import { randomUUID } from 'node:crypto';
import {
  newConsumer,
  newProducer,
  type NativeConsumer,
  type NativeProducer,
} from '../../bridge/kafka/binding';
import { consumerProperties, producerProperties } from '../../bridge/kafka/connection';
import type { Exchanger } from '../load/load';
import { serveLoads } from '../load/load-child';
import { bodyOf } from '../load/payload';

export interface FloorOptions {
  readonly bootstrapServers: readonly string[];
  readonly requestTopic: string;
  readonly replyTopic: string;
}

const TIMEOUT_MS = 3000;
/** As often as the plugins' producer asks for its reports. */
const POLL_MS = 20;
const WAIT_FOR_RECORD_MS = 100;
const RECORDS_PER_DRAIN = 1000;
const CORRELATION_ID = 'correlation-id';

type Done = Parameters<Exchanger['exchange']>[1];

class Floor implements Exchanger {
  readonly #waiting = new Map<string, Done>();

  constructor(
    private readonly producer: NativeProducer,
    private readonly consumer: NativeConsumer,
    private readonly options: FloorOptions,
  ) {
    setInterval(() => producer.poll(), POLL_MS);
    this.#read(true);
  }

  exchange(nonce: string, done: Done): void {
    const id = randomUUID();
    this.#waiting.set(id, done);
    this.producer.produce(
      this.options.requestTopic,
      null,
      Buffer.from(bodyOf(nonce)),
      null,
      null,
      undefined,
      [
        { 'content-type': 'application/json' },
        { [CORRELATION_ID]: id },
        { 'reply-to': this.options.replyTopic },
      ],
    );
  }

  /** Waits for one record, then takes what else is there: the loop of bridge/kafka, without its safeguards. */
  #read(wait: boolean): void {
    this.consumer.setDefaultConsumeTimeout(wait ? WAIT_FOR_RECORD_MS : 0);
    this.consumer.consume(wait ? 1 : RECORDS_PER_DRAIN, (error, messages) => {
      if (error) throw error;
      for (const { headers, value } of messages) {
        const id =
          headers?.find((header) => CORRELATION_ID in header)?.[CORRELATION_ID]?.toString('latin1') ?? '';
        const done = this.#waiting.get(id);
        this.#waiting.delete(id);
        done?.(200, value ?? Buffer.alloc(0));
      }
      this.#read(wait ? messages.length === 0 : messages.length < 2);
    });
  }
}

async function connect(options: FloorOptions): Promise<Floor> {
  const producer = newProducer(producerProperties(options));
  const consumer = newConsumer(consumerProperties(options));
  await Promise.all([connected(producer), connected(consumer)]);
  const { topics } = await called<{ topics: readonly { partitions: readonly { id: number }[] }[] }>((done) =>
    producer.getMetadata({ topic: options.replyTopic, allTopics: false, timeout: TIMEOUT_MS }, done),
  );
  const partitions = topics[0]?.partitions ?? [];
  const ends = await Promise.all(
    partitions.map(async ({ id }) => {
      const { highOffset } = await called<{ highOffset: number }>((done) =>
        producer.queryWatermarkOffsets(options.replyTopic, id, TIMEOUT_MS, done),
      );
      return { topic: options.replyTopic, partition: id, offset: highOffset };
    }),
  );
  consumer.assign(ends);
  return new Floor(producer, consumer, options);
}

function connected(client: NativeProducer | NativeConsumer): Promise<unknown> {
  return called((done) => client.connect({ allTopics: false, timeout: TIMEOUT_MS }, done));
}

function called<T>(call: (done: (error: Error | null | undefined, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result)));
  });
}

serveLoads(connect);
