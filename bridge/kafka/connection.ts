/** From connection options to the properties of librdkafka, each number with its reason. */
import type { BytesInFlight } from '../bytes-in-flight';
import { clientPropertiesFor } from './client-properties';
import type { ClientProperties } from './binding';
import type { QueueLimits } from './topic-queues';
import { DEFAULT_PRODUCER_SETTINGS, settingsProperties, type ProducerSettings } from './producer-settings';

export interface ConnectionOptions {
  /** "host:port" each. */
  readonly bootstrapServers: readonly string[];
  /** Shows in the broker's logs and quotas. */
  readonly clientId?: string;
  /** Default: DEFAULT_PRODUCER_SETTINGS. */
  readonly produce?: ProducerSettings | undefined;
  /** Shows in our own logs and status. */
  readonly clusterName?: string;
  /** Absent: no login. */
  readonly sasl?: SaslOptions;
  /** Absent: no TLS. */
  readonly tls?: TlsOptions;
  /** How long a broker may take to answer. Default 10000. */
  readonly socketTimeoutMs?: number;
  /** Connections without traffic are closed after this. Absent: never by us. */
  readonly idleConnectionMs?: number;
  /** Properties of librdkafka that win over ours; those that cannot be set (client-properties.ts) are left out. */
  readonly clientProperties?: Readonly<Record<string, string>>;
}

export type SaslOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly user: string;
      readonly password: string;
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly oauth: OauthOptions };

export interface OauthOptions {
  readonly tokenEndpointUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** Whether the endpoint's certificate must be valid. */
  readonly verifyTls: boolean;
}

export interface TlsOptions {
  /** Whether the broker's certificate must be valid and name its host. */
  readonly verify: boolean;
  /** Absent: the authorities the operating system trusts. */
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
  readonly keyPassword: string | undefined;
}

const DEFAULT_CLIENT_ID = 'kong-kafka-request-reply';

/** How often clients report their broker list: the watchdog's clock (statistics.ts). */
export const STATISTICS_INTERVAL_MS = 500;

/** connect() waits this long for metadata; librdkafka's default is 30 s. */
export const CONNECT_TIMEOUT_MS = 3000;

/** Of records that wait in the client; beyond it produce throws `overloaded`. */
const QUEUED_KILOBYTES = 128 * 1024;

const FETCHED_BYTES = 1024 * 1024;

const SOCKET_TIMEOUT_MS = 10_000;
const LEAST_CONSUMER_TIMEOUT_MS = 2000;

type Properties = Record<string, string | number | boolean>;

function sharedProperties(options: ConnectionOptions): Properties {
  return {
    'metadata.broker.list': options.bootstrapServers.join(','),
    ...securityProperties(options),
    'client.id': options.clientId ?? DEFAULT_CLIENT_ID,
    // A black-holed connection is noticed after this and not after a minute; it must exceed fetch.wait.max.ms + 1 s.
    'socket.timeout.ms': options.socketTimeoutMs ?? SOCKET_TIMEOUT_MS,
    'socket.connection.setup.timeout.ms': 5000,
    'socket.keepalive.enable': true,
    // With the default maximum of 10 s a broker that was away for 2 s is missed for 10.
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 500,
    'retry.backoff.ms': 20,
    'retry.backoff.max.ms': 200,
    // Connect to every broker at start: the first record to each would pay for connection and TLS otherwise.
    'enable.sparse.connections': false,
    'statistics.interval.ms': STATISTICS_INTERVAL_MS,
    // The broker's operator did not ask for client telemetry (KIP-714).
    'enable.metrics.push': false,
    ...(options.idleConnectionMs !== undefined && { 'connections.max.idle.ms': options.idleConnectionMs }),
  };
}

function securityProperties({ sasl, tls }: ConnectionOptions): Properties {
  return {
    'security.protocol': `${sasl ? 'sasl_' : ''}${tls ? 'ssl' : 'plaintext'}`,
    ...(sasl && saslProperties(sasl)),
    ...(tls && tlsProperties(tls)),
  };
}

/** A token for OAUTHBEARER is no property: it is given to the client before it connects (oauth-login.ts). */
function saslProperties(sasl: SaslOptions): Properties {
  if (sasl.mechanism === 'OAUTHBEARER') return { 'sasl.mechanisms': sasl.mechanism };
  return {
    'sasl.mechanisms': sasl.mechanism,
    'sasl.username': sasl.user,
    'sasl.password': sasl.password,
  };
}

function tlsProperties(tls: TlsOptions): Properties {
  return {
    'enable.ssl.certificate.verification': tls.verify,
    'ssl.endpoint.identification.algorithm': tls.verify ? 'https' : 'none',
    // OpenSSL's own default is the folder it was built for, here that of Node.js, where there often is nothing.
    ...(tls.caPem === undefined ? { 'ssl.ca.location': 'probe' } : { 'ssl.ca.pem': tls.caPem }),
    ...(tls.certificatePem !== undefined && { 'ssl.certificate.pem': tls.certificatePem }),
    ...(tls.keyPem !== undefined && { 'ssl.key.pem': tls.keyPem }),
    ...(tls.keyPassword !== undefined && { 'ssl.key.password': tls.keyPassword }),
  };
}

export interface ProducerTuning {
  /** Where records are counted until they are acknowledged. Default: with all else that the process holds. */
  readonly bytesInFlight?: BytesInFlight;
  /** For tests: properties that win over ours. */
  readonly overrides?: Readonly<Record<string, string | number | boolean>>;
}

export function producerProperties(
  options: ConnectionOptions,
  tuning: ProducerTuning = {},
): ClientProperties {
  const settings = settingsProperties(options.produce ?? DEFAULT_PRODUCER_SETTINGS);
  return {
    global: {
      ...sharedProperties(options),
      // Reports for every record, not only for failed ones: the gateway tells "delivered, no reply" from "not known
      // to be delivered", and the per-record object given along is only released by a report.
      dr_cb: true,
      // With linger 0 the default of a million lets thousands of tiny requests queue up at the broker: seconds.
      'max.in.flight': 2,
      'queue.buffering.max.kbytes': QUEUED_KILOBYTES,
      // The broker's own limit shall decide, and answers for exactly the record that is too large.
      'message.max.bytes': 10 * 1024 * 1024,
      // A topic created a moment ago is waited for this long before it counts as missing; the default is 30 s.
      'topic.metadata.propagation.max.ms': 1000,
      // New partitions are used within this; it also keeps one connection from being closed as idle.
      'topic.metadata.refresh.interval.ms': 30_000,
      ...settings.global,
      ...clientPropertiesFor('producer', options.clientProperties ?? {}),
      ...tuning.overrides,
    },
    topic: {
      // The same partition for a key as Java clients choose; librdkafka's default is CRC32.
      partitioner: 'murmur2_random',
      ...settings.topic,
    },
  };
}

/** What the producer's queue holds: all records that have no report yet. */
export function queueLimits(options: ConnectionOptions, tuning: ProducerTuning): QueueLimits {
  const { global } = producerProperties(options, tuning);
  return {
    isBuffer: options.produce?.buffering !== undefined,
    records: Number(global['queue.buffering.max.messages']),
    bytes: Number(global['queue.buffering.max.kbytes']) * 1024,
  };
}

export interface ConsumerTuning {
  /** Group to join with subscribe(); without it the consumer only assigns and commits nothing. */
  readonly groupId?: string | undefined;
  /** Where a subscribed group without a committed offset begins. Default: the first record. */
  readonly groupStart?: 'earliest' | 'latest' | undefined;
  /** For tests: properties that win over ours. */
  readonly overrides?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export function consumerProperties(
  options: ConnectionOptions,
  tuning: ConsumerTuning = {},
): ClientProperties {
  const inGroup = tuning.groupId !== undefined;
  return {
    global: {
      ...sharedProperties(options),
      // The library refuses a consumer whose fetches may take as long as its socket.
      'socket.timeout.ms': Math.max(options.socketTimeoutMs ?? SOCKET_TIMEOUT_MS, LEAST_CONSUMER_TIMEOUT_MS),
      // assign() needs some group id, but joins no group as long as nothing is subscribed or committed.
      'group.id': tuning.groupId ?? `${options.clientId ?? DEFAULT_CLIENT_ID}-reader`,
      'enable.auto.commit': inGroup,
      'enable.auto.offset.store': inGroup,
      // Brokers answer at once when there is a record. A longer wait would only delay newly assigned partitions and
      // offset queries, which queue behind a pending fetch.
      'fetch.wait.max.ms': 100,
      'fetch.min.bytes': 1,
      'fetch.queue.backoff.ms': 2,
      'fetch.error.backoff.ms': 20,
      // Of each broker, over all partitions. A broker sends at least one batch whatever its size, 1 MB by default, so less
      // would bound nothing more; with the library's own 50 MB fifty compressed batches are unpacked at the same time.
      'fetch.max.bytes': FETCHED_BYTES,
      'max.partition.fetch.bytes': FETCHED_BYTES,
      // What waits for the drain loop, beyond which nothing is fetched. Records count as well as bytes, because headers
      // are in no count of bytes.
      'queued.min.messages': 100,
      'queued.max.messages.kbytes': 4096,
      'topic.metadata.refresh.interval.ms': 30_000,
      ...clientPropertiesFor('consumer', options.clientProperties ?? {}),
      ...tuning.overrides,
    },
    topic: {
      // When a topic was deleted and made anew, 'latest' would skip its first records. An assigned consumer always
      // names its offset, so this decides nothing else for it.
      'auto.offset.reset': tuning.groupStart ?? 'earliest',
    },
  };
}

/** Admin calls are rare and may wait: library defaults are right for them. */
export function adminProperties(options: ConnectionOptions): ClientProperties {
  return {
    global: {
      'metadata.broker.list': options.bootstrapServers.join(','),
      ...securityProperties(options),
      'client.id': `${options.clientId ?? DEFAULT_CLIENT_ID}-admin`,
      'reconnect.backoff.max.ms': 500,
      'enable.metrics.push': false,
      ...clientPropertiesFor('admin', options.clientProperties ?? {}),
    },
    topic: {},
  };
}
