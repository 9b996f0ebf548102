/**
 * Where the log entries of one configuration go: from Kong's bytes to acknowledged records.
 *
 * Nobody waits here. Records stand in a buffer of ours, of which a part is handed to the client library; what does not
 * fit any more pushes the oldest out, and is counted. What the library has cannot be dropped, so it is given no more
 * than half of what may be held. It keeps the order, also when it has to send again; so does the buffer.
 */
import type { BytesInFlight } from '../bytes-in-flight';
import type { Clock } from '../clock';
import { toGatewayError, type ErrorCode } from '../errors';
import type { Lease } from '../link';
import type { Lingering } from '../linger-pool';
import type { JsonObject } from '../log-entry/entry';
import type { LeftOut, RecordShape } from '../log-entry/record-shape';
import { costOf, type OutgoingRecord } from '../kafka/records';
import type { RequestSchemas } from '../schema-registry/request-schemas';
import { log } from '../telemetry/log';
import { buffered, RecordBuffer } from './record-buffer';
import { recordWithSchema } from './record-with-schema';

export interface SinkLimits {
  /** Records that are held, in the library or before it. */
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** accepted = delivered + dropped + lost + what is held. */
export class SinkCounters {
  /** Became a record. */
  accepted = 0;
  /** A broker has acknowledged it. */
  delivered = 0;
  /** Pushed out of the full buffer. */
  dropped = 0;
  /** Given up by the client library, or refused by the broker. */
  lost = 0;
  /** Filters and samples have left it out. */
  not_wanted = 0;
  unreadable = 0;
  too_large = 0;
}

export interface LogSinkOptions extends SinkLimits {
  /** For the log and the status page. */
  readonly topic: string;
  readonly name?: string | undefined;
  /** Of whoever writes to it by its name. */
  readonly secret?: string | undefined;
  readonly shape: RecordShape;
  /** With which records are written; undefined: in JSON. Closed by the sink. */
  readonly schemas?: RequestSchemas | undefined;
}

/** What sinks of a process share. */
export interface SinkOwner {
  readonly clock: Clock;
  /** Of all sinks together. */
  readonly memory: BytesInFlight;
  readonly totals: SinkCounters;
}

/** More is of no use to a library that has as many batches under way as it may. */
const MAX_HANDED_RECORDS = 10_000;
const SHARE_OF_LIBRARY = 0.5;
/** While the cluster or a schema is away, or the library's queue is full of other sinks' records. */
const RETRY_MS = 50;
const TELL_EVERY_MS = 60_000;
/** Nobody has written to it for so long, and the cluster has not taken what it has: it is given up. */
const GIVEN_UP_AFTER_MS = 300_000;
/** The record may go out later. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['not_ready', 'overloaded']);

const LOSSES = ['dropped', 'lost', 'unreadable', 'too_large'] as const;

export class LogSink implements Lingering {
  readonly counters = new SinkCounters();
  readonly #owner: SinkOwner;
  readonly #lease: Lease;
  readonly #options: LogSinkOptions;
  readonly #waiting = new RecordBuffer();
  readonly #maxHanded: SinkLimits;
  #handedRecords = 0;
  #handedBytes = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelTelling: (() => void) | undefined;
  /** What was told of losses so far, and why the last one was. */
  #told = new SinkCounters();
  #lastReason: string | undefined;
  #writtenAtMs: number;
  #hasEnded = false;
  /** Called when it holds nothing any more. */
  onEnd: () => void = () => undefined;

  constructor(owner: SinkOwner, lease: Lease, options: LogSinkOptions) {
    this.#owner = owner;
    this.#lease = lease;
    this.#options = options;
    this.#writtenAtMs = owner.clock.now();
    this.#maxHanded = {
      maxRecords: Math.max(
        1,
        Math.min(Math.floor(options.maxRecords * SHARE_OF_LIBRARY), MAX_HANDED_RECORDS),
      ),
      maxBytes: options.maxBytes * SHARE_OF_LIBRARY,
    };
  }

  get secret(): string | undefined {
    return this.#options.secret;
  }

  /** What it has can go out. */
  get isUp(): boolean {
    return this.#lease.producer.state === 'up' && this.#options.schemas?.isReady !== false;
  }

  /** Records without an end yet. */
  get held(): number {
    return this.#waiting.size + this.#handedRecords;
  }

  get heldBytes(): number {
    return this.#waiting.bytes + this.#handedBytes;
  }

  /** Never throws, and never waits. */
  write(entry: Buffer): void {
    this.#take(this.#options.shape.ofBytes(entry));
    this.#pump();
  }

  /**
   * All entries of a batch, or none where one would be dropped for it. They are changed.
   * @returns why none was written: there is no room now, or never
   */
  writeAll(entries: readonly JsonObject[]): 'no_room' | 'too_much' | undefined {
    // Fields of the configuration's own, or another form, can make a record longer than its entry.
    const shaped = entries.map((entry) => this.#options.shape.ofEntry(entry));
    let [records, bytes] = [0, 0];
    for (const record of shaped) {
      if (typeof record === 'string') continue;
      records++;
      bytes += costOf(record);
    }
    if (this.isTooMuch(records, bytes)) return 'too_much';
    if (!this.hasRoomFor(records, bytes)) return 'no_room';
    for (const record of shaped) this.#take(record);
    this.#pump();
    return undefined;
  }

  /** False: something would be dropped. */
  hasRoomFor(records: number, bytes: number): boolean {
    const { maxRecords, maxBytes } = this.#options;
    const { memory } = this.#owner;
    return (
      this.held + records <= maxRecords &&
      this.heldBytes + bytes <= maxBytes &&
      memory.held + bytes <= memory.limit
    );
  }

  /** What could never be held at once. */
  isTooMuch(records: number, bytes: number): boolean {
    return records > this.#options.maxRecords || bytes > this.#options.maxBytes;
  }

  mayEnd(): boolean {
    return this.held === 0 || this.#owner.clock.now() - this.#writtenAtMs > GIVEN_UP_AFTER_MS;
  }

  /** What is still held is counted as lost. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancelRetry?.();
    while (this.#waiting.size > 0) this.#loseOldest('lost', 'the sink has ended');
    this.#cancelTelling?.();
    this.#tell();
    this.#lease.release();
    this.#options.schemas?.close();
    this.onEnd();
  }

  status(): Record<string, unknown> {
    const { producer } = this.#lease;
    return {
      topic: this.#options.topic,
      sink: this.#options.name,
      waiting: this.#waiting.size,
      handed_over: this.#handedRecords,
      held_bytes: this.heldBytes,
      kafka: producer.state,
      reason: producer.reason ?? this.#options.schemas?.reason,
      last_loss: this.#lastReason,
      ...this.counters,
    };
  }

  #take(record: OutgoingRecord | LeftOut): void {
    this.#writtenAtMs = this.#owner.clock.now();
    if (typeof record === 'string') {
      this.#count(record);
      if (record !== 'not_wanted') this.#willTell(record);
      return;
    }
    this.#count('accepted');
    const added = buffered(record);
    if (this.#hasEnded || !this.#makeRoom(added.costBytes)) {
      this.#count('dropped');
      this.#willTell('the buffer is full');
    } else this.#waiting.push(added);
  }

  /** The bytes are reserved then. */
  #makeRoom(bytes: number): boolean {
    const { maxRecords, maxBytes } = this.#options;
    if (bytes > maxBytes) return false;
    const { memory } = this.#owner;
    while (this.held >= maxRecords || this.heldBytes + bytes > maxBytes || !memory.reserve(bytes)) {
      if (this.#waiting.size === 0) return false;
      this.#loseOldest('dropped', 'the buffer is full');
    }
    return true;
  }

  #loseOldest(how: 'dropped' | 'lost', why: string): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#owner.memory.add(-oldest.costBytes);
    this.#count(how);
    this.#willTell(why);
  }

  /** Hands over what the library may have. */
  #pump(): void {
    const { producer } = this.#lease;
    const { maxRecords, maxBytes } = this.#maxHanded;
    while (this.#handedRecords < maxRecords && this.#handedBytes < maxBytes) {
      const next = this.#waiting.oldest;
      if (next === undefined) return;
      if (producer.state !== 'up') {
        this.#lease.wanted();
        this.#pumpLater();
        return;
      }
      const { schemas } = this.#options;
      if (schemas?.isReady === false) {
        this.#pumpLater();
        return;
      }
      const { record, costBytes } = next;
      try {
        const written = schemas ? recordWithSchema(record, schemas) : record;
        producer.produce(written, (error) => this.#onReport(costBytes, error?.detail), { promised: true });
      } catch (thrown) {
        const error = toGatewayError(thrown);
        if (TEMPORARY.has(error.code)) {
          this.#pumpLater();
          return;
        }
        this.#loseOldest('lost', error.detail);
        continue;
      }
      this.#waiting.shift();
      this.#handedRecords++;
      this.#handedBytes += costBytes;
    }
  }

  #pumpLater(): void {
    this.#cancelRetry ??= this.#owner.clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#pump();
    });
  }

  #onReport(costBytes: number, failure: string | undefined): void {
    this.#handedRecords--;
    this.#handedBytes -= costBytes;
    this.#owner.memory.add(-costBytes);
    this.#count(failure === undefined ? 'delivered' : 'lost');
    if (failure !== undefined) this.#willTell(failure);
    this.#pump();
  }

  #count(what: keyof SinkCounters): void {
    this.counters[what]++;
    this.#owner.totals[what]++;
  }

  #willTell(reason: string): void {
    this.#lastReason = reason;
    if (!this.#hasEnded) this.#cancelTelling ??= this.#owner.clock.after(TELL_EVERY_MS, () => this.#tell());
  }

  /** One line a minute, however many there are. */
  #tell(): void {
    this.#cancelTelling = undefined;
    const since = LOSSES.map((loss) => [loss, this.counters[loss] - this.#told[loss]] as const);
    this.#told = Object.assign(new SinkCounters(), this.counters);
    if (since.every(([, count]) => count === 0)) return;
    log.warn('log entries did not reach Kafka', {
      topic: this.#options.topic,
      sink: this.#options.name,
      ...Object.fromEntries(since),
      last_reason: this.#lastReason,
      kafka: this.#lease.producer.state,
      held: this.held,
    });
  }
}
