/**
 * A member of a consumer group that takes records one by one and commits only what it is told to, for tools that must
 * not lose a record: an offset is committed when what became of the record is safe somewhere else. In a process of its
 * own: it asks nobody for a thread of the pool.
 */
import { GatewayError } from '../errors';
import { newConsumer } from './binding';
import type { NativeMessage } from './binding';
import { CONNECT_TIMEOUT_MS, consumerProperties, type ConnectionOptions } from './connection';
import { fromNativeMessage } from './record-conversion';
import type { ReceivedRecord } from './records';

/** A record may be worked on for long; who is gone is noticed by its session. */
const MAX_WORK_MS = 86_400_000;
const DISCONNECT_LIMIT_MS = 5000;
/** After a member was killed the others wait this long for it. The least that brokers take by default is 6 s. */
const SESSION_MS = 10_000;
const QUERY_TIMEOUT_MS = 5000;

export class GroupReader {
  readonly #consumer: ReturnType<typeof newConsumer>;
  readonly #topic: string;

  constructor(options: { connection: ConnectionOptions; topic: string; groupId: string }) {
    this.#topic = options.topic;
    this.#consumer = newConsumer(
      consumerProperties(options.connection, {
        groupId: options.groupId,
        overrides: {
          'enable.auto.commit': false,
          'enable.auto.offset.store': false,
          'max.poll.interval.ms': MAX_WORK_MS,
          'session.timeout.ms': SESSION_MS,
        },
      }),
    );
  }

  /** @throws GatewayError `not_ready` when no broker answers */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#consumer.connect(
        { topic: this.#topic, allTopics: false, timeout: CONNECT_TIMEOUT_MS },
        (error) =>
          error ? reject(new GatewayError('not_ready', error.message, { cause: error })) : resolve(),
      );
    });
    this.#consumer.subscribe([this.#topic]);
  }

  /** The next record of any partition; undefined when none came within that time. @throws GatewayError `not_ready` */
  async next(withinMs: number): Promise<ReceivedRecord | undefined> {
    this.#consumer.setDefaultConsumeTimeout(withinMs);
    const messages = await new Promise<NativeMessage[]>((resolve, reject) => {
      this.#consumer.consume(1, (error, found) =>
        error ? reject(new GatewayError('not_ready', error.message, { cause: error })) : resolve(found),
      );
    });
    const [message] = messages;
    return message && fromNativeMessage(message);
  }

  /**
   * True when this member has partitions and has read all of them to their ends.
   * @throws GatewayError `not_ready` when no broker says where the ends are
   */
  async isAtEnd(): Promise<boolean> {
    const mine = this.#consumer.assignments();
    if (mine.length === 0) return false;
    const committed = await this.#asked<ReadonlyArray<{ partition: number; offset?: number }>>((done) =>
      this.#consumer.committed(mine, QUERY_TIMEOUT_MS, done),
    );
    const offsetIn = (
      found: ReadonlyArray<{ partition: number; offset?: number }>,
      partition: number,
    ): number => found.find((one) => one.partition === partition)?.offset ?? -1;
    const positions = this.#consumer.position(mine);
    for (const { topic, partition } of mine) {
      const { lowOffset, highOffset } = await this.#asked<{ lowOffset: number; highOffset: number }>((done) =>
        this.#consumer.queryWatermarkOffsets(topic, partition, QUERY_TIMEOUT_MS, done),
      );
      const at = Math.max(lowOffset, offsetIn(positions, partition), offsetIn(committed, partition));
      if (at < highOffset) return false;
    }
    return true;
  }

  #asked<Result>(ask: (done: (error: unknown, result: Result) => void) => void): Promise<Result> {
    return new Promise((resolve, reject) =>
      ask((error, result) =>
        error
          ? reject(new GatewayError('not_ready', (error as Error).message, { cause: error }))
          : resolve(result),
      ),
    );
  }

  /** The group goes on behind this record. @throws GatewayError `not_ready` when no broker has taken it */
  commit({ topic, partition, offset }: ReceivedRecord): void {
    try {
      this.#consumer.commitSync({ topic, partition, offset: offset + 1 });
    } catch (error) {
      throw new GatewayError('not_ready', (error as Error).message, { cause: error });
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, DISCONNECT_LIMIT_MS);
      this.#consumer.disconnect(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  }
}
