/**
 * The only module that loads node-rdkafka, with the types its own index.d.ts gets wrong: errors that are null on
 * success, `event.stats`/`event.log` payloads, hidden properties, `disconnect` of the two client kinds.
 *
 * A callback means a thread of libuv's pool: whoever passes one asks thread-pool.ts for it first.
 */
import '../thread-pool-size';
import * as rdkafka from 'node-rdkafka';

export { features, librdkafkaVersion } from 'node-rdkafka';

/** Global and topic-level properties are two arguments: topic-level ones in the first are dropped without a word. */
export interface ClientProperties {
  readonly global: Readonly<Record<string, string | number | boolean>>;
  readonly topic: Readonly<Record<string, string | number | boolean>>;
}

/**
 * librdkafka's numeric code is real in thrown errors and in connect and consume callbacks; in delivery reports and
 * `event.error` it is always -1 and only the text tells.
 */
export interface NativeError extends Error {
  readonly code: number;
}

type Callback<T = void> = (error: NativeError | null | undefined, result: T) => void;

export interface Metadata {
  readonly brokers: readonly unknown[];
  readonly topics: ReadonlyArray<{
    readonly name: string;
    readonly partitions: ReadonlyArray<{ readonly id: number; readonly leader: number }>;
  }>;
}

export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface LogEvent {
  /** As in syslog: 3 is an error, 7 is debug. */
  readonly severity: number;
  /** What kind of line, such as FAIL. */
  readonly fac: string;
  readonly message: string;
}

export interface NativeClient {
  on(event: 'event.error', listener: (error: NativeError) => void): unknown;
  on(event: 'event.stats', listener: (event: { readonly message: string }) => void): unknown;
  on(event: 'event.log', listener: (event: LogEvent) => void): unknown;
  connect(
    options: { topic?: string; allTopics: boolean; timeout: number },
    callback: Callback<Metadata>,
  ): unknown;
  isConnected(): boolean;
  /** Before connect, and again for every further token. Blocks while a consumer reads. */
  setOauthBearerToken(token: string): void;
  getMetadata(
    options: { topic?: string; allTopics: boolean; timeout: number },
    callback: Callback<Metadata>,
  ): void;
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    callback: Callback<{ readonly lowOffset: number; readonly highOffset: number }>,
  ): void;
}

export interface DeliveryReport<Opaque> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly opaque?: Opaque;
}

export interface NativeProducer<Opaque = unknown> extends NativeClient {
  on(event: 'event.error', listener: (error: NativeError) => void): unknown;
  on(event: 'event.stats', listener: (event: { readonly message: string }) => void): unknown;
  on(event: 'event.log', listener: (event: LogEvent) => void): unknown;
  on(
    event: 'delivery-report',
    listener: (error: NativeError | null, report: DeliveryReport<Opaque>) => void,
  ): unknown;
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | null,
    opaque: Opaque,
    headers: Array<Record<string, string>>,
  ): void;
  /** Serves delivery reports, errors and statistics; throws when not connected. */
  poll(): void;
  /** Flushes for at most `flushMs`, then disconnects. Throws when not connected. */
  disconnect(flushMs: number, callback: Callback<unknown>): void;
}

export interface NativeMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp?: number;
  readonly key?: Buffer | null;
  readonly value: Buffer | null;
  /** One-key objects, of which one may be called `__proto__` and have the value for its prototype. */
  readonly headers?: ReadonlyArray<Readonly<Record<string, Buffer>>>;
}

export interface NativeConsumer extends NativeClient {
  assign(offsets: readonly TopicPartitionOffset[]): void;
  subscribe(topics: readonly string[]): void;
  /** How long the next `consume` call waits, for every record it waits for. */
  setDefaultConsumeTimeout(timeoutMs: number): void;
  /** As the last fetch told them. Throws while nothing is known of the partition. */
  getWatermarkOffsets(
    topic: string,
    partition: number,
  ): { readonly lowOffset: number; readonly highOffset: number };
  consume(count: number, callback: Callback<NativeMessage[]>): void;
  /** What the group has given this member. */
  assignments(): ReadonlyArray<{ readonly topic: string; readonly partition: number }>;
  /** Behind the last record that was read; negative or absent where none was. */
  position(
    partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  ): ReadonlyArray<{ readonly partition: number; readonly offset?: number }>;
  committed(
    partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
    timeoutMs: number,
    callback: Callback<ReadonlyArray<{ readonly partition: number; readonly offset?: number }>>,
  ): unknown;
  /** Waits for the broker, and nothing else runs meanwhile. */
  commitSync(offset: TopicPartitionOffset): void;
  offsetsForTimes(
    times: readonly TopicPartitionOffset[],
    timeoutMs: number,
    callback: Callback<TopicPartitionOffset[]>,
  ): void;
  /** No time limit: the form with one calls a number on consumers. */
  disconnect(callback: Callback<unknown>): void;
}

export interface NativeAdmin {
  createTopic(
    topic: {
      topic: string;
      num_partitions: number;
      replication_factor: number;
      config?: Record<string, string>;
    },
    timeoutMs: number,
    callback: (error?: NativeError) => void,
  ): void;
  createPartitions(
    topic: string,
    total: number,
    timeoutMs: number,
    callback: (error?: NativeError) => void,
  ): void;
  deleteTopic(topic: string, timeoutMs: number, callback: (error?: NativeError) => void): void;
  disconnect(): void;
}

/** @throws NativeError for an unknown property or a value that the library refuses */
export function newProducer<Opaque>(properties: ClientProperties): NativeProducer<Opaque> {
  assertFeatures();
  // The constructor deletes properties from what it is given.
  return new rdkafka.Producer(
    { ...properties.global },
    { ...properties.topic },
  ) as unknown as NativeProducer<Opaque>;
}

export function newConsumer(properties: ClientProperties): NativeConsumer {
  assertFeatures();
  return new rdkafka.KafkaConsumer(
    { ...properties.global },
    { ...properties.topic },
  ) as unknown as NativeConsumer;
}

/** @param token where the login is OAUTHBEARER; an admin client does not live long enough for a second one */
export function newAdmin(properties: ClientProperties, token?: string): NativeAdmin {
  assertFeatures();
  return rdkafka.AdminClient.create({ ...properties.global }, token) as unknown as NativeAdmin;
}

let featuresChecked = false;

/** node-rdkafka builds without complaint when a library's headers are missing, and fails at the first TLS broker. */
function assertFeatures(): void {
  if (featuresChecked) return;
  const missing = ['ssl', 'sasl_scram'].filter((feature) => !rdkafka.features.includes(feature));
  if (missing.length > 0) {
    throw new Error(
      `node-rdkafka was built without ${missing.join(' and ')}: install libssl-dev, then run "npm rebuild node-rdkafka".`,
    );
  }
  featuresChecked = true;
}

export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'number';
}
