/**
 * A consumer that keeps reading: connect, drain loop, watchdog, close within a bound.
 *
 * It either assigns what its owner says (`assignment`) or joins a group (`subscribe`). Records reach the owner one by
 * one, in order per partition; an exception of the owner is logged and counted and stops nothing.
 *
 * The drain loop waits for one record, then takes what else is there without waiting. It has the latency of the
 * library's flowing mode and more throughput, and is the only mode that neither dies silently on an error nor crashes
 * on disconnect. Blocking for more than one record at a time would wait out the whole time limit.
 */
import { GatewayError } from '../errors';
import type { ClientReading } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import { newConsumer } from './binding';
import type { NativeConsumer, NativeError, NativeMessage, TopicPartitionOffset } from './binding';
import { clusterAccess } from './cluster-access';
import { consumerProperties } from './connection';
import type { ConnectionOptions, ConsumerTuning } from './connection';
import { NATIVE_CODE } from './kafka-error';
import { closedError, ManagedClient, within } from './managed-client';
import type { ClientState } from './managed-client';
import { ReadBounds } from './read-bounds';
import type { ReceivedRecord } from './records';
import { threadPool } from './thread-pool';
import { Waiters } from './waiters';

export interface ConsumerSessionOptions {
  /** For log lines, such as "reply reader". */
  readonly name: string;
  readonly connection: ConnectionOptions;
  readonly tuning?: ConsumerTuning;
  /** What to read and from where; asked before every assign, between two reads. */
  readonly assignment?: () => readonly TopicPartitionOffset[];
  /** Topics of the group in `tuning.groupId`; offsets are committed automatically. */
  readonly subscribe?: readonly string[];
  onRecord(record: ReceivedRecord): void;
  /** Readiness may have changed: connected, assigned, replaced. */
  onChange?(): void;
  /** One of the assigned topics may not be read. It is said once for each assign, and not of which topic. */
  onRefused?(): void;
  /** See ManagedClientRole. */
  promising?(): Promise<void> | undefined;
}

/** How long one read waits for the first record; also what an assign or a close waits for at most. */
const WAIT_FOR_RECORD_MS = 100;
/** The same while nothing is assigned: the first topic shall not wait for a read that cannot find anything. */
const WAIT_FOR_ASSIGNMENT_MS = 10;
/** The same while other readers wait for a thread of the pool, and how long one that finds records keeps it then. */
const WAIT_IN_A_CROWD_MS = 20;
const TURN_MS = 100;
/** Without a broker no record comes: nothing waits then, and the library is only asked for its news. */
const PAUSE_WHILE_DOWN_MS = 50;
const PAUSE_AFTER_ERROR_MS = 20;
/** A read that is not back after this hangs in the library; the client is left to itself then. */
const LOOP_END_LIMIT_MS = 1000;
const QUERY_TIMEOUT_MS = 3000;

export class ConsumerSession {
  readonly counters = { records: 0, readErrors: 0, callbackErrors: 0 };
  readonly #bounds = new ReadBounds();
  readonly #options: ConsumerSessionOptions;
  readonly #managed: ManagedClient<NativeConsumer>;
  readonly #assigned = new Waiters();
  /** When the last records came, in milliseconds since 1970; 0 before the first. */
  recordsAtMs = 0;
  #assignAsked = true;
  #readsNothing = false;
  /** The client whose loop may deliver records; none while one is being replaced. */
  #reading: NativeConsumer | undefined;
  #loopEnded: Promise<void> = Promise.resolve();
  #lastReadError: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConsumerSessionOptions) {
    this.#options = options;
    this.#managed = new ManagedClient<NativeConsumer>({
      name: options.name,
      access: clusterAccess(options.connection),
      create: () => newConsumer(consumerProperties(options.connection, options.tuning)),
      onLive: (client) => this.#read(client),
      onGone: () => this.#stopReading(),
      disconnect: (client, done) => client.disconnect(done),
      onStateChange: () => options.onChange?.(),
      promising: () => options.promising?.(),
    });
    this.#managed.start();
  }

  get state(): ClientState {
    return this.#managed.state;
  }

  get reason(): string | undefined {
    return this.#managed.reason ?? this.#lastReadError;
  }

  get downForMs(): number {
    return this.#managed.downForMs;
  }

  /** True when a connected client reads the assignment. */
  get reading(): boolean {
    return this.#reading !== undefined && !this.#assignAsked;
  }

  whenUp(): Promise<void> {
    return this.#managed.whenUp();
  }

  /** See ManagedClient. */
  wanted(): void {
    this.#managed.wanted();
  }

  /** Asks `assignment` again and assigns it, between two reads. Rejects with not_ready when closed first. */
  reassign(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError(this.#options.name));
    this.#assignAsked = true;
    return this.#assigned.wait();
  }

  /** For each of the partitions the first offset at or after the time; -1 where there is none. Rejects with not_ready. */
  async offsetsForTimes(topic: string, partitions: readonly number[], sinceMs: number): Promise<number[]> {
    const client = this.#managed.current;
    if (client === undefined)
      throw new GatewayError('not_ready', `The Kafka ${this.#options.name} is not connected.`);
    const times = partitions.map((partition) => ({ topic, partition, offset: sinceMs }));
    const found = await this.#managed.share.run(
      this.#options.connection,
      QUERY_TIMEOUT_MS,
      () =>
        new Promise<TopicPartitionOffset[]>((resolve, reject) => {
          client.offsetsForTimes(times, QUERY_TIMEOUT_MS, (error, offsets) => {
            if (error)
              reject(
                new GatewayError('not_ready', `Kafka gives no offsets by time: ${error.message}.`, {
                  cause: error,
                }),
              );
            else resolve(offsets);
          });
        }),
    );
    const byPartition = new Map(found.map(({ partition, offset }) => [partition, offset]));
    return times.map(({ partition }) => byPartition.get(partition) ?? -1);
  }

  /** Stops the loop, then disconnects, each within its bound. Idempotent. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#assigned.reject(closedError(this.#options.name));
      this.#closing = this.#managed.close();
    }
    return this.#closing;
  }

  status(): Record<string, unknown> {
    return {
      ...this.#managed.status(),
      reason: this.reason,
      records: this.counters.records,
      skipped: this.#bounds.skipped,
      read_errors: this.counters.readErrors,
      callback_errors: this.counters.callbackErrors,
    };
  }

  /** For the metrics. */
  figures(): ClientReading & { readonly records: number; readonly errors: number } {
    const { records, readErrors } = this.counters;
    return { source: this, state: this.state, counts: this.#managed.counters, records, errors: readErrors };
  }

  /** The end of a partition as the last answer of its broker told it; undefined while none has. Asks nobody. */
  knownEnd(topic: string, partition: number): number | undefined {
    try {
      const end = this.#managed.current?.getWatermarkOffsets(topic, partition).highOffset;
      return end !== undefined && end >= 0 ? end : undefined;
    } catch {
      return undefined; // Not assigned, or not connected any more.
    }
  }

  #read(client: NativeConsumer): void {
    this.#reading = client;
    this.#assignAsked = true;
    if (this.#options.subscribe) {
      client.subscribe(this.#options.subscribe);
      this.#assignAsked = false;
    }
    this.#loopEnded = new Promise((ended) => this.#loop(client, ended));
  }

  #loop(client: NativeConsumer, ended: () => void): void {
    const seats = threadPool.reading;
    let seated = false;
    let sinceMs = 0;
    const standUp = (): void => {
      if (!seated) return;
      seated = false;
      seats.leave();
    };
    const next = (wait: boolean): void => {
      if (this.#reading !== client) {
        standUp();
        ended();
        return;
      }
      const away = this.#managed.state === 'down';
      if (wait && !away && !seated) {
        seats.take(() => {
          seated = true;
          sinceMs = performance.now();
          next(true);
        });
        return;
      }
      this.#assignIfAsked(client);
      client.setDefaultConsumeTimeout(wait && !away ? this.#waitMs(seats.crowded) : 0);
      client.consume(wait ? 1 : this.#bounds.records, (error, messages) => {
        if (error) {
          this.#onReadError(error);
          standUp();
          setTimeout(next, PAUSE_AFTER_ERROR_MS, true);
          return;
        }
        this.#deliver(client, messages);
        const nothing = wait && messages.length === 0;
        if (nothing && away) {
          standUp();
          setTimeout(next, PAUSE_WHILE_DOWN_MS, true);
          return;
        }
        if (seats.crowded && (nothing || performance.now() - sinceMs > TURN_MS)) standUp();
        next(wait ? nothing : messages.length < 2);
      });
    };
    next(true);
  }

  #waitMs(crowded: boolean): number {
    if (this.#readsNothing) return WAIT_FOR_ASSIGNMENT_MS;
    return crowded ? WAIT_IN_A_CROWD_MS : WAIT_FOR_RECORD_MS;
  }

  async #stopReading(): Promise<void> {
    this.#reading = undefined;
    this.#options.onChange?.();
    // Disconnecting under a read in progress is what hangs. Records of that last read still count: the loop delivers
    // them before it ends, and the next assignment begins behind them.
    await within(this.#loopEnded, LOOP_END_LIMIT_MS);
  }

  #assignIfAsked(client: NativeConsumer): void {
    const { assignment } = this.#options;
    if (!this.#assignAsked || !assignment) return;
    try {
      const offsets = assignment();
      client.assign(offsets);
      this.#readsNothing = offsets.length === 0;
    } catch (error) {
      this.#onReadError(error as NativeError);
      return; // Still asked for: tried again before the next read.
    }
    this.#assignAsked = false;
    this.#assigned.resolve();
    this.#options.onChange?.();
  }

  #deliver(client: NativeConsumer, messages: readonly NativeMessage[]): void {
    // A loop that outlived its bound must not add records that its successor reads again.
    if (this.#reading !== undefined && this.#reading !== client) return;
    if (messages.length > 0) {
      this.#lastReadError = undefined;
      this.recordsAtMs = Date.now();
    }
    for (const message of messages) {
      this.counters.records++;
      try {
        this.#options.onRecord(this.#bounds.admit(message));
      } catch (error) {
        // In a callback of the binding this would end the process.
        this.counters.callbackErrors++;
        const { topic, partition, offset } = message;
        log.error('a record callback threw', { client: this.#options.name, topic, partition, offset, error });
      }
    }
    this.#bounds.readEnded();
  }

  #onReadError(error: NativeError): void {
    this.counters.readErrors++;
    // Without Read on its group an assigned consumer is told so once, and gets every record all the same.
    if (error.code === NATIVE_CODE.groupAuthorizationFailed && !this.#options.subscribe) return;
    if (error.code === NATIVE_CODE.topicAuthorizationFailed && this.#options.onRefused) {
      this.#options.onRefused();
      return;
    }
    if (error.message === this.#lastReadError) return;
    this.#lastReadError = error.message;
    log.warn('kafka read error', { client: this.#options.name, code: error.code, reason: error.message });
  }
}
