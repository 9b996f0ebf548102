/**
 * What each topic has in the producer's queue, which all topics of a cluster share.
 *
 * Records for a partition without a leader stay in the queue until they time out, half a minute later. Without more ado
 * they fill it, and everybody else is told that it is full. So:
 *
 * - A topic may hold half of the queue. More only where no other topic was used lately and its own records get through;
 *   a buffer is there for those that do not.
 * - Where records of a topic do not get through, its metadata are asked for. Records that would go to a partition without
 *   a leader are refused then, with the reason; records that may go anywhere go to the other partitions. The question
 *   is repeated, and the first answer with leaders ends it. A buffer
 *   takes them all the same: they may wait for minutes.
 *
 * Ages are counted in sweeps, one a second, so that no record needs a time of its own.
 */
import { systemClock, type Clock } from '../clock';
import { GatewayError } from '../errors';
import { log } from '../telemetry/log';
import { partitionOfKey } from './key-partition';
import type { OutgoingRecord } from './records';

export interface QueueLimits {
  /** Records wait in it through an outage. */
  readonly isBuffer: boolean;
  readonly records: number;
  readonly bytes: number;
}

/** A partition and whether it has a leader, in the order of their numbers. */
export interface PartitionLeader {
  readonly id: number;
  readonly leader: number;
}

/** What of a topic's queue a record is. */
export interface QueuedRecord {
  readonly queue: TopicQueue;
  readonly bytes: number;
  /** Of its entry. */
  readonly sweep: number;
}

const SWEEP_MS = 1000;
/** A topic without records is forgotten after so many sweeps, and with it that it had no leader. */
const FORGOTTEN_AFTER = 60;
/** In sweeps. A healthy broker takes milliseconds. */
const OLD_AFTER = 2;
const SHARE = 0.5;

export class TopicQueue {
  readonly topic: string;
  readonly #isBuffer: boolean;
  records = 0;
  bytes = 0;
  refused = 0;
  /** Since the last sweep. */
  isUsed = false;
  idleSweeps = 0;
  isAsking = false;
  /** Records by their age in sweeps, the last one and older together. */
  readonly #ages = [0, 0, 0];
  #partitions = 0;
  #leaderless: ReadonlySet<number> = new Set();
  #led: readonly number[] = [];

  constructor(topic: string, isBuffer: boolean) {
    this.topic = topic;
    this.#isBuffer = isBuffer;
  }

  /** Some of its records should have been written long ago. */
  get isStalled(): boolean {
    return (this.#ages[OLD_AFTER] ?? 0) > 0;
  }

  /** 0 while nothing is known of a missing leader. */
  get withoutLeader(): number {
    return this.#leaderless.size;
  }

  add(bytes: number): void {
    this.records++;
    this.bytes += bytes;
    (this.#ages[0] as number)++;
  }

  remove(bytes: number, ageInSweeps: number): void {
    this.records--;
    this.bytes -= bytes;
    (this.#ages[Math.min(ageInSweeps, OLD_AFTER)] as number)--;
  }

  age(): void {
    const [newest = 0, older = 0, oldest = 0] = this.#ages;
    this.#ages.splice(0, 3, 0, newest, oldest + older);
  }

  /** @param partitions none: the topic is gone, and the library itself fails its records soon */
  learn(partitions: readonly PartitionLeader[]): void {
    const before = this.withoutLeader;
    this.#partitions = partitions.length;
    this.#leaderless = new Set(partitions.filter(({ leader }) => leader < 0).map(({ id }) => id));
    this.#led = partitions.filter(({ leader }) => leader >= 0).map(({ id }) => id);
    if (this.withoutLeader === before) return;
    const facts = { topic: this.topic, partitions: this.#partitions, without_leader: this.withoutLeader };
    if (this.withoutLeader > 0) log.warn('kafka topic has partitions without a leader', facts);
    else log.info('kafka topic has its leaders again', facts);
  }

  /**
   * Where a record goes; null: as the library's partitioner decides.
   * @throws GatewayError not_ready when it would go to a partition without a leader
   */
  partitionFor({ partition = null, key = null }: OutgoingRecord): number | null {
    if (this.withoutLeader === 0 || this.#isBuffer) return partition;
    // What the partitioner will choose; without a key it may choose anything.
    const expected =
      partition ?? (key === null || key.length === 0 ? null : partitionOfKey(key, this.#partitions));
    if (expected !== null && !this.#leaderless.has(expected)) return partition;
    if (expected === null && this.#led.length > 0)
      return this.#led[Math.floor(Math.random() * this.#led.length)] as number;
    throw new GatewayError(
      'not_ready',
      `Topic ${this.topic} has no leader for ${this.withoutLeader} of its ${this.#partitions} partitions: the brokers that have them are away.`,
    );
  }
}

export class TopicQueues {
  readonly #isBuffer: boolean;
  readonly #ofOneTopic: { readonly records: number; readonly bytes: number };
  readonly #leadersOf: (topic: string) => Promise<readonly PartitionLeader[]>;
  readonly #clock: Clock;
  readonly #queues = new Map<string, TopicQueue>();
  #sweep = 0;
  #cancelSweep: (() => void) | undefined;

  /** @param leadersOf asks a broker; may reject */
  constructor(
    limits: QueueLimits,
    leadersOf: (topic: string) => Promise<readonly PartitionLeader[]>,
    clock: Clock = systemClock,
  ) {
    this.#isBuffer = limits.isBuffer;
    this.#ofOneTopic = { records: limits.records * SHARE, bytes: limits.bytes * SHARE };
    this.#leadersOf = leadersOf;
    this.#clock = clock;
  }

  /** The number of the last sweep. */
  get sweep(): number {
    return this.#sweep;
  }

  /**
   * The queue that a record may be added to.
   * @throws GatewayError overloaded, not_ready
   */
  admit(record: OutgoingRecord, bytes: number): TopicQueue {
    const queue = this.#queues.get(record.topic) ?? this.#open(record.topic);
    queue.isUsed = true;
    if (queue.withoutLeader > 0) this.#assertLed(queue, record);
    if (queue.records < this.#ofOneTopic.records && queue.bytes + bytes <= this.#ofOneTopic.bytes)
      return queue;
    if (this.#queues.size === 1 && (this.#isBuffer || !queue.isStalled)) return queue;
    queue.refused++;
    throw new GatewayError(
      'overloaded',
      `Half of the queue of the Kafka client holds records for ${record.topic}; another is refused.`,
    );
  }

  remove({ queue, bytes, sweep }: QueuedRecord): void {
    queue.remove(bytes, this.#sweep - sweep);
  }

  stop(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  /** Topics whose records do not get through. */
  status(): Record<string, unknown>[] {
    return [...this.#queues.values()]
      .filter((queue) => queue.isStalled || queue.withoutLeader > 0)
      .map((queue) => ({
        topic: queue.topic,
        outstanding: queue.records,
        refused: queue.refused,
        partitions_without_leader: queue.withoutLeader,
      }));
  }

  #open(topic: string): TopicQueue {
    const queue = new TopicQueue(topic, this.#isBuffer);
    this.#queues.set(topic, queue);
    this.#cancelSweep ??= this.#clock.after(SWEEP_MS, () => this.#onSweep());
    return queue;
  }

  #assertLed(queue: TopicQueue, record: OutgoingRecord): void {
    try {
      queue.partitionFor(record);
    } catch (error) {
      queue.refused++;
      throw error;
    }
  }

  #onSweep(): void {
    this.#sweep++;
    for (const queue of this.#queues.values()) {
      queue.age();
      queue.idleSweeps = queue.isUsed || queue.records > 0 ? 0 : queue.idleSweeps + 1;
      queue.isUsed = false;
      if (queue.idleSweeps >= FORGOTTEN_AFTER) this.#queues.delete(queue.topic);
      else if (queue.isStalled || queue.withoutLeader > 0) void this.#ask(queue);
    }
    this.#cancelSweep =
      this.#queues.size === 0 ? undefined : this.#clock.after(SWEEP_MS, () => this.#onSweep());
  }

  /** Never rejects. */
  async #ask(queue: TopicQueue): Promise<void> {
    if (queue.isAsking) return;
    queue.isAsking = true;
    try {
      queue.learn(await this.#leadersOf(queue.topic));
    } catch (error) {
      log.debug('leaders not asked for', { topic: queue.topic, error });
    } finally {
      queue.isAsking = false;
    }
  }
}
