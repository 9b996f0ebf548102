/**
 * Keeps the reply topic of this gateway alive, and deletes those of gateways that are gone.
 *
 * Nobody can tell whether another gateway is gone for good, killed ones least of all. But every gateway writes a sign
 * of life into its own topic more often than the broker deletes old records, so a topic that once had records and has
 * none any more belongs to nobody. It is deleted when it is found like that twice.
 */
import { systemClock, type Clock } from '../clock';
import { log } from '../telemetry/log';
import { deleteTopic } from './admin';
import type { ConnectionOptions } from './connection';
import type { RecordProducer } from './producer';
import type { ReceivedRecord } from './records';

export interface KeptTopic {
  readonly topic: string;
  /** Of the topic: a third of it passes between two signs of life. */
  readonly retentionMs: number;
  /** Whether a topic is another gateway's. Must never be true for a topic that is anything else. */
  isSibling(topic: string): boolean;
}

type Producer = Pick<RecordProducer, 'state' | 'produce' | 'topics' | 'partitionsOf' | 'watermarks'>;

const SIGN_OF_LIFE = 'gateway-sign-of-life';
const SIGNS_PER_RETENTION = 3;

/** True for what a keeper writes: no reply. */
export function isSignOfLife(record: ReceivedRecord): boolean {
  return record.headers[0]?.[0] === SIGN_OF_LIFE;
}

export class TopicKeeper {
  readonly #kept: KeptTopic;
  readonly #producer: Producer;
  readonly #delete: (topic: string) => Promise<void>;
  readonly #clock: Clock;
  /** Found empty the last time. */
  #empty: ReadonlySet<string> = new Set();
  readonly #refused = new Set<string>();
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(
    kept: KeptTopic,
    producer: Producer,
    connection: ConnectionOptions,
    seams: { clock?: Clock; delete?: (topic: string) => Promise<void> } = {},
  ) {
    this.#kept = kept;
    this.#producer = producer;
    this.#clock = seams.clock ?? systemClock;
    this.#delete = seams.delete ?? ((topic) => deleteTopic(connection, topic));
    this.#later();
  }

  /** Idempotent. The topic stays: this gateway comes back, or another one deletes it. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #later(): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#kept.retentionMs / SIGNS_PER_RETENTION, () => {
      this.#giveSign();
      void this.#sweep().then(() => this.#later());
    });
  }

  #giveSign(): void {
    if (this.#producer.state !== 'up') return;
    try {
      const headers = [[SIGN_OF_LIFE, '1']] as const;
      this.#producer.produce({ topic: this.#kept.topic, value: null, headers }, () => undefined);
    } catch (error) {
      // The next one comes before the last one is deleted.
      log.debug('no sign of life written', { topic: this.#kept.topic, error });
    }
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    try {
      const empty = new Set<string>();
      for (const topic of await this.#producer.topics()) {
        if (topic === this.#kept.topic || !this.#kept.isSibling(topic)) continue;
        if (!(await this.#isForsaken(topic))) continue;
        if (this.#empty.has(topic)) await this.#deleteTopic(topic);
        else empty.add(topic);
      }
      this.#empty = empty;
    } catch (error) {
      log.debug('reply topics of other gateways not looked at', { error });
    }
  }

  /** A topic without any record ever may have been made a moment ago. */
  async #isForsaken(topic: string): Promise<boolean> {
    const count = await this.#producer.partitionsOf(topic);
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    const marks = await this.#producer.watermarks(topic, partitions);
    return marks.every(({ low, high }) => low === high) && marks.some(({ high }) => high > 0);
  }

  async #deleteTopic(topic: string): Promise<void> {
    try {
      await this.#delete(topic);
      log.info('reply topic of a gateway that is gone deleted', { topic });
    } catch (error) {
      if (this.#refused.has(topic)) return;
      this.#refused.add(topic);
      log.warn('reply topic of a gateway that is gone cannot be deleted', { topic, error });
    }
  }
}
