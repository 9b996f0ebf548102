/**
 * Produces records and tells, exactly once for each, what became of it.
 *
 * produce() either throws at once (the record was not accepted) or ends with one call of `onDelivery`. Every record
 * carries its own callback object through the client library ("opaque"), because neither key nor value identifies a
 * request. That object is released by the delivery report only, hence full reports (connection.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Roster } from '../../common/roster';
import { bytesInFlight, tooManyBytes, type BytesInFlight } from '../bytes-in-flight';
import { GatewayError, toGatewayError } from '../errors';
import type { ProducerReading } from '../telemetry/client-metrics';
import { log } from '../telemetry/log';
import { isNativeError, newProducer } from './binding';
import type { Metadata, NativeError, NativeProducer } from './binding';
import { BusyLinger } from './busy-linger';
import { clusterAccess } from './cluster-access';
import { producerProperties, queueLimits } from './connection';
import type { ConnectionOptions, ProducerTuning } from './connection';
import { EventLoopLoad } from './event-loop-load';
import { failedDelivery, NATIVE_CODE, refusedRecord, unknownOutcome } from './kafka-error';
import { closedError, ManagedClient, within } from './managed-client';
import type { ClientState } from './managed-client';
import { toNativeBytes, toNativeHeaders, toNativeKey, type NativeHeaders } from './record-conversion';
import { costOf, type OutgoingRecord } from './records';
import { TopicQueues, type PartitionLeader, type QueuedRecord, type TopicQueue } from './topic-queues';

/** undefined: written and acknowledged. */
export type OnDelivery = (error: GatewayError | undefined) => void;

export interface ProduceOptions {
  /** A client waits for the delivery report itself, so it is asked for more often. Default false. */
  readonly awaited?: boolean;
  /**
   * The client was told that the record is on its way: it waits for the next client of ours where this one has to be
   * replaced, at the price of a possible duplicate. Default false: the outcome is unknown then.
   */
  readonly promised?: boolean;
}

interface Delivery extends QueuedRecord {
  /** Until the library has its own copy; a promised record may have to go out again and stays. */
  record: OutgoingRecord | undefined;
  headers: NativeHeaders;
  /** Counted until the report. */
  readonly costBytes: number;
  readonly onDelivery: OnDelivery;
  readonly awaited: boolean;
  readonly promised: boolean;
  /** In the order in which they were accepted. */
  readonly number: number;
  /** Among the outstanding ones. */
  place: number;
}

/** As much as the library counts. */
function bytesOf({ value, key }: OutgoingRecord): number {
  return (value?.length ?? 0) + (key?.length ?? 0);
}

type Client = NativeProducer<Delivery>;
type NativeAnswer<T> = (error: NativeError | null | undefined, result: T) => void;

/**
 * Reports, errors and statistics are only served by polls. A request that waits for its reply does not wait for its
 * report, so few polls are enough: 4 ms instead of 20 cost it some 15 us of CPU per record at 1000 records per second.
 */
const POLL_MS = 20;
/** While somebody waits for a report itself. */
const AWAITED_POLL_MS = 2;
/** Nobody waits for a report much longer, whatever the library would still try. */
const CLOSE_TIMEOUT_MS = 3000;
/** How often a close looks whether all reports are in. */
const CLOSE_STEP_MS = 5;
/** While down and wanted: how often, and how long, a broker is asked for a sign of life. */
const PROBE_EVERY_MS = 200;
const PROBE_TIMEOUT_MS = 1000;
const QUERY_TIMEOUT_MS = 3000;
/** How often a topic that is refused is asked about, at most. */
const ASK_AGAIN_MS = 200;
/** Offset queries at once: a topic may have very many partitions. */
const PARALLEL_QUERIES = 4;
const NO_HEADERS: NativeHeaders = [];
const NOT_ENTERED = -1;
const NO_OPTIONS: ProduceOptions = {};
/** What remains for the library to flush after we have waited for the reports ourselves. */
const LAST_FLUSH_MS = 100;

export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

export class RecordProducer {
  readonly counters = { produced: 0, delivered: 0, failed: 0, refused: 0 };
  readonly #bytes: BytesInFlight;
  readonly #cluster: object;
  readonly #managed: ManagedClient<Client>;
  readonly #outstanding = new Roster<Delivery>();
  readonly #queues: TopicQueues;
  readonly #linger: BusyLinger<Delivery>;
  #pollTimer: NodeJS.Timeout | undefined;
  #pollMs = POLL_MS;
  #awaited = 0;
  #probing = false;
  /** Topics whose metadata are asked for, or were a moment ago. */
  readonly #askedAgain = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(connection: ConnectionOptions, tuning: ProducerTuning = {}) {
    this.#bytes = tuning.bytesInFlight ?? bytesInFlight;
    this.#cluster = connection;
    this.#queues = new TopicQueues(queueLimits(connection, tuning), (topic) => this.#leadersOf(topic));
    const load = new EventLoopLoad();
    this.#linger = new BusyLinger(
      (deliveries) => this.#handAll(deliveries),
      () => load.utilization,
    );
    this.#managed = new ManagedClient<Client>({
      name: 'producer',
      access: clusterAccess(connection),
      create: () => this.#create(connection, tuning),
      onLive: (client) => this.#onLive(client),
      onGone: async (_client, why) => this.#abandon(why),
      disconnect: (client, done) => client.disconnect(LAST_FLUSH_MS, done),
      onStateChange: () => this.#probe(),
    });
    this.#managed.start();
  }

  get state(): ClientState {
    return this.#managed.state;
  }

  /** Why it is not up, as far as known. */
  get reason(): string | undefined {
    return this.#managed.reason;
  }

  /** Records without a report yet. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  whenUp(): Promise<void> {
    return this.#managed.whenUp();
  }

  /** Somebody has a record to send: a cluster that is away is looked for with short pauses again. */
  wanted(): void {
    this.#managed.wanted();
    this.#probe();
  }

  /**
   * @param onDelivery called exactly once, later, unless this throws
   * @throws GatewayError not_ready, overloaded, request_too_large, request_invalid, produce_failed
   */
  produce(
    record: OutgoingRecord,
    onDelivery: OnDelivery,
    { awaited = false, promised = false }: ProduceOptions = NO_OPTIONS,
  ): void {
    const client = this.#managed.current;
    if (client === undefined || this.state !== 'up' || this.#closing) {
      this.counters.refused++;
      this.wanted();
      throw this.#closing ? closedError('producer') : notReady(this.reason);
    }
    const bytes = bytesOf(record);
    const queue = this.#admit(record, bytes);
    const delivery: Delivery = {
      record,
      headers: this.#headersOf(record),
      costBytes: costOf(record),
      onDelivery,
      awaited,
      promised,
      queue,
      bytes,
      sweep: this.#queues.sweep,
      number: this.counters.produced,
      place: NOT_ENTERED,
    };
    this.#reserve(delivery.costBytes);
    // A promise can only be made when the library has the record: later there is nobody to tell of a full buffer.
    if (promised || !this.#linger.takes(delivery)) this.#handOrGiveBack(client, delivery);
    this.counters.produced++;
    queue.add(bytes);
    delivery.place = this.#outstanding.enter(delivery);
    if (awaited && this.#awaited++ === 0) this.#poll(client, AWAITED_POLL_MS);
  }

  /** 0 when the topic is missing, or hidden from us: the library does not tell which. Rejects with not_ready. */
  async partitionsOf(topic: string): Promise<number> {
    return (await this.#leadersOf(topic)).length;
  }

  /** Of all topics that we may describe. Rejects with not_ready. */
  async topics(): Promise<string[]> {
    const metadata = await this.#ask<Metadata>((client, done) =>
      client.getMetadata({ allTopics: true, timeout: QUERY_TIMEOUT_MS }, done),
    );
    return metadata.topics.map(({ name }) => name);
  }

  /** First and next offset of each of the partitions, in their order. Rejects with not_ready. */
  async watermarks(topic: string, partitions: readonly number[]): Promise<Watermarks[]> {
    const found: Watermarks[] = [];
    for (let first = 0; first < partitions.length; first += PARALLEL_QUERIES) {
      const group = partitions
        .slice(first, first + PARALLEL_QUERIES)
        .map((partition) =>
          this.#ask<{ lowOffset: number; highOffset: number }>((client, done) =>
            client.queryWatermarkOffsets(topic, partition, QUERY_TIMEOUT_MS, done),
          ),
        );
      for (const { lowOffset, highOffset } of await Promise.all(group)) {
        found.push({ low: lowOffset, high: highOffset });
      }
    }
    return found;
  }

  /** Waits for outstanding reports as long as the bound allows, fails the rest, disconnects. Idempotent. */
  close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  status(): Record<string, unknown> {
    return {
      ...this.#managed.status(),
      outstanding: this.outstanding,
      ...this.counters,
      stalled_topics: this.#queues.status(),
    };
  }

  /** For the metrics. */
  figures(): ProducerReading {
    const { delivered, failed, refused } = this.counters;
    return {
      source: this,
      state: this.state,
      counts: this.#managed.counters,
      records: { delivered, failed, refused },
      outstanding: this.outstanding,
    };
  }

  async #close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#linger.flush();
    while (this.#outstanding.size > 0 && this.#managed.current && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_STEP_MS));
    }
    await within(this.#managed.close(), Math.max(deadline - performance.now(), LAST_FLUSH_MS * 5));
    // Promised records between two clients: nobody else is going to tell.
    this.#abandon('the gateway is closing');
    this.#queues.stop();
  }

  #create(connection: ConnectionOptions, tuning: ProducerTuning): Client {
    const client = newProducer<Delivery>(producerProperties(connection, tuning));
    client.on('delivery-report', (error, report) => {
      // Taken out by whoever settles it first: a replaced client may still report.
      const delivery = report.opaque;
      if (delivery === undefined || !this.#outstanding.leave(delivery.place, delivery)) return;
      this.#settle(delivery, error ? failedDelivery(delivery.queue.topic, error) : undefined);
    });
    return client;
  }

  #admit(record: OutgoingRecord, bytes: number): TopicQueue {
    try {
      return this.#queues.admit(record, bytes);
    } catch (error) {
      this.counters.refused++;
      throw error;
    }
  }

  #headersOf(record: OutgoingRecord): NativeHeaders {
    try {
      return toNativeHeaders(record);
    } catch (error) {
      this.counters.refused++;
      throw error;
    }
  }

  /** @throws GatewayError overloaded */
  #reserve(costBytes: number): void {
    if (this.#bytes.reserve(costBytes)) return;
    this.counters.refused++;
    throw tooManyBytes(costBytes);
  }

  #handOrGiveBack(client: Client, delivery: Delivery): void {
    try {
      this.#hand(client, delivery);
    } catch (error) {
      this.#bytes.add(-delivery.costBytes);
      throw error;
    }
  }

  /** Gives a record to the library. @throws GatewayError when it does not take it */
  #hand(client: Client, delivery: Delivery): void {
    const { record, headers, queue } = delivery;
    if (record === undefined) return;
    try {
      client.produce(
        record.topic,
        queue.partitionFor(record),
        toNativeBytes(record.value),
        toNativeKey(record.key),
        null,
        delivery,
        headers,
      );
      if (!delivery.promised) forget(delivery);
    } catch (error) {
      this.counters.refused++;
      if (error instanceof GatewayError) throw error;
      if (isNativeError(error) && error.code === NATIVE_CODE.fatal)
        this.#managed.replace(client, error.message);
      if (isNativeError(error) && error.code === NATIVE_CODE.topicAuthorizationFailed)
        this.#askAgain(record.topic);
      throw refusedRecord(record.topic, error);
    }
  }

  /**
   * After one refusal by the broker the library refuses a topic by itself until its metadata come anew, half a minute
   * later: a right that was granted in between is found by asking now.
   */
  #askAgain(topic: string): void {
    if (this.#askedAgain.has(topic)) return;
    this.#askedAgain.add(topic);
    void this.partitionsOf(topic)
      .catch(() => undefined)
      .finally(() => setTimeout(() => this.#askedAgain.delete(topic), ASK_AGAIN_MS).unref());
  }

  /** Records that were accepted some milliseconds ago: now their callback is the only one to hear of a failure. */
  #handAll(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      // Settled already: the client they were accepted for is gone.
      if (this.#outstanding.at(delivery.place) !== delivery) continue;
      try {
        const client = this.#managed.current;
        if (client === undefined) throw notReady(this.reason);
        this.#hand(client, delivery);
      } catch (error) {
        this.#outstanding.leave(delivery.place, delivery);
        this.#settle(delivery, toGatewayError(error));
      }
    }
  }

  #settle(delivery: Delivery, error: GatewayError | undefined): void {
    this.#bytes.add(-delivery.costBytes);
    this.#queues.remove(delivery);
    if (delivery.awaited) this.#awaited--;
    if (error === undefined) this.counters.delivered++;
    else this.counters.failed++;
    try {
      delivery.onDelivery(error);
    } catch (thrown) {
      // In a callback of the binding this would end the process.
      log.error('a delivery callback threw', { topic: delivery.queue.topic, error: thrown });
    }
  }

  /**
   * Our own timer, not the library's: that one goes on while the client is being destroyed, and a poll then blocks
   * the event loop until it is done.
   */
  #poll(client: Client, intervalMs: number): void {
    clearInterval(this.#pollTimer);
    this.#pollMs = intervalMs;
    this.#pollTimer = setInterval(() => {
      try {
        client.poll();
      } catch {
        // Not connected any more; the managed client knows and will tell.
      }
      if (this.#awaited === 0 && this.#pollMs !== POLL_MS) this.#poll(client, POLL_MS);
    }, intervalMs);
  }

  #onLive(client: Client): void {
    this.#poll(client, POLL_MS);
    // Only promised ones are left of the last client; those of this one come later.
    const promised = [...this.#outstanding].sort((a, b) => a.number - b.number);
    if (promised.length === 0) return;
    log.warn('promised records go out again with a new client', { records: promised.length });
    this.#handAll(promised);
  }

  #abandon(why: string): void {
    clearInterval(this.#pollTimer);
    for (const delivery of this.#outstanding) {
      if (delivery.promised && !this.#closing) continue;
      this.#outstanding.leave(delivery.place, delivery);
      this.#settle(delivery, unknownOutcome(delivery.queue.topic, why));
    }
  }

  /**
   * Statistics come twice a second and errors only at the moment of loss; this finds the return sooner, for those who
   * wait for it. Without a client the managed client's own attempts are the probe.
   */
  #probe(): void {
    if (this.#probing || this.state !== 'down' || !this.#managed.isWanted || this.#closing) return;
    this.#probing = true;
    void this.#lookForBroker().finally(() => {
      this.#probing = false;
      this.#probe();
    });
  }

  /** Never rejects. */
  async #lookForBroker(): Promise<void> {
    await delay(PROBE_EVERY_MS, undefined, { ref: false });
    const client = this.#managed.current;
    if (client === undefined || this.#closing || this.state !== 'down') return;
    try {
      const metadata = await this.#query<Metadata>(PROBE_TIMEOUT_MS, (done) =>
        client.getMetadata({ allTopics: false, timeout: PROBE_TIMEOUT_MS }, done),
      );
      if (answersFor(metadata) && this.state === 'down') this.#managed.proveUp(client);
    } catch {
      // Still away.
    }
  }

  async #leadersOf(topic: string): Promise<readonly PartitionLeader[]> {
    const metadata = await this.#ask<Metadata>((client, done) =>
      client.getMetadata({ topic, allTopics: false, timeout: QUERY_TIMEOUT_MS }, done),
    );
    return metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
  }

  async #ask<T>(call: (client: Client, done: NativeAnswer<T>) => void): Promise<T> {
    const client = this.#managed.current;
    if (client === undefined || this.#closing)
      throw this.#closing ? closedError('producer') : notReady(this.reason);
    return this.#query<T>(QUERY_TIMEOUT_MS, (done) => call(client, done)).catch((error: NativeError) => {
      throw new GatewayError('not_ready', `Kafka did not answer a query: ${error.message}.`, {
        cause: error,
      });
    });
  }

  /** @param limitMs what the library has been told */
  #query<T>(limitMs: number, call: (done: NativeAnswer<T>) => void): Promise<T> {
    return this.#managed.share.run(
      this.#cluster,
      limitMs,
      () =>
        new Promise<T>((resolve, reject) => {
          call((error, result) => (error ? reject(error) : resolve(result)));
        }),
    );
  }
}

function forget(delivery: Delivery): void {
  delivery.record = undefined;
  delivery.headers = NO_HEADERS;
}

/** A broker that is going down, or has just come up, answers with an empty list of brokers. */
function answersFor(metadata: Metadata): boolean {
  return metadata.brokers.length > 0;
}

function notReady(reason: string | undefined): GatewayError {
  return new GatewayError(
    'not_ready',
    `No connection to Kafka${reason === undefined ? ' yet' : `: ${reason}`}.`,
  );
}
