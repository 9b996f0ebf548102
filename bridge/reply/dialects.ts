/**
 * The header families in which frameworks carry a correlation id and a reply topic.
 *
 * Names and bytes: Spring Kafka `KafkaHeaders` and its reference (sending-messages, request/reply), NestJS
 * `kafka-headers.enum.ts`, SmallRye `KafkaRequestReply` (request-reply manual), Zilla's http-kafka sync example.
 */
import type { ReceivedRecord } from '../kafka/records';

interface Dialect {
  readonly correlationId: string;
  readonly replyTopic: string;
}

const SPRING: Dialect = { correlationId: 'kafka_correlationId', replyTopic: 'kafka_replyTopic' };

const DIALECTS = {
  plain: { correlationId: 'correlation-id', replyTopic: 'reply-to' },
  spring: SPRING,
  // Same names as Spring; the two differ only in the bytes of the reply partition.
  nestjs: SPRING,
  smallrye: { correlationId: 'REPLY_CORRELATION_ID', replyTopic: 'REPLY_TOPIC' },
  zilla: { correlationId: 'zilla:correlation-id', replyTopic: 'zilla:reply-to' },
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;

/**
 * Where a request names the partition of its reply, in ASCII digits. Spring's and SmallRye's headers hold four raw
 * bytes, of which the first is 0: the client library passes header values as C strings and would send none of them.
 */
const REPLY_PARTITION_HEADERS: Readonly<Partial<Record<DialectName, string>>> = {
  plain: 'reply-partition',
  nestjs: 'kafka_replyPartition',
};

/** @returns undefined for a dialect that has no such header, or one that cannot be sent */
export function replyPartitionHeader(dialect: DialectName): string | undefined {
  return REPLY_PARTITION_HEADERS[dialect];
}

export interface AddressHeaders {
  readonly correlationId: string;
  readonly replyTopic: string;
  /** Undefined where requests of the dialect name no partition. */
  readonly replyPartition: string | undefined;
}

/** The headers that address a reply, for whoever answers. */
export function addressHeaders(dialect: DialectName): AddressHeaders {
  return { ...DIALECTS[dialect], replyPartition: replyPartitionHeader(dialect) };
}

export const DIALECT_NAMES = Object.keys(DIALECTS) as DialectName[];

/** Spring's and SmallRye's own clients send a UUID as 16 raw bytes, most significant first. */
const BINARY_UUID_BYTES = 16;
/** A client may choose an id of 16 characters, such as a trace id; one raw UUID in ten million looks like text. */
const PRINTABLE = /^[\x21-\x7e]+$/;
/** Ours have 36 and those that clients choose are checked: anything longer cannot be an id we sent. */
export const MAX_ID_BYTES = 128;

/** Names of headers that may hold the id, with their rank: in a reply that carries several the lowest is taken. */
export type HeaderRanks = ReadonlyMap<string, number>;

const DIALECT_RANKS: HeaderRanks = new Map(
  [SPRING, DIALECTS.smallrye, DIALECTS.zilla, DIALECTS.plain].map((dialect, rank) => [
    dialect.correlationId,
    rank,
  ]),
);

/** @param firstName a header that is looked at before those of the dialects */
export function headerRanks(firstName?: string): HeaderRanks {
  return firstName === undefined ? DIALECT_RANKS : new Map([...DIALECT_RANKS, [firstName, -1]]);
}

const REPLY_TOPIC_HEADERS: ReadonlySet<string> = new Set(
  Object.values(DIALECTS).map((dialect) => dialect.replyTopic),
);

/**
 * Beside an id that the client chose: one of ours, which nobody uses twice. A service that copies it back makes sure
 * that its reply reaches the request it belongs to, and no later one under the same id.
 */
export const REQUEST_ID_HEADER = 'kong-kafka-request-id';

/** Every name above: plumbing, of no use to an HTTP client. */
export const DIALECT_HEADERS: readonly string[] = [
  REQUEST_ID_HEADER,
  ...Object.values(DIALECTS).flatMap(({ correlationId, replyTopic }: Dialect) => [correlationId, replyTopic]),
  ...Object.values(REPLY_PARTITION_HEADERS),
];

/** The headers that tell a responder where and under which id to answer. Always text: no framework needs more. */
export function requestHeaders(
  dialects: readonly DialectName[],
  correlationId: string,
  replyTopic: string,
): (readonly [string, string])[] {
  const families = new Set(dialects.map((name): Dialect => DIALECTS[name]));
  return [...families].flatMap((family) => [
    [family.correlationId, correlationId] as const,
    [family.replyTopic, replyTopic] as const,
  ]);
}

/**
 * The id a reply carries in one of these headers. One header twice, with two ids, names no request: the first may be
 * copied from elsewhere as well as the last.
 */
export function correlationIdOf(
  { headers }: Pick<ReceivedRecord, 'headers'>,
  ranks: HeaderRanks = DIALECT_RANKS,
): string | undefined {
  let best: Buffer | undefined;
  let bestRank = Infinity;
  let ambiguous = false;
  for (const [name, value] of headers) {
    const rank = ranks.get(name);
    if (rank === undefined || rank > bestRank) continue;
    ambiguous = rank === bestRank && (ambiguous || !best?.equals(value));
    best = value;
    bestRank = rank;
  }
  return best && !ambiguous ? correlationIdFromBytes(best) : undefined;
}

/** Text, or a UUID in 16 raw bytes. Undefined for what cannot be an id. */
export function correlationIdFromBytes(bytes: Buffer): string | undefined {
  if (bytes.length === BINARY_UUID_BYTES && !PRINTABLE.test(bytes.toString('latin1'))) {
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  if (bytes.length === 0 || bytes.length > MAX_ID_BYTES) return undefined;
  return bytes.toString('latin1');
}

/** A record that names a reply topic is a request; where both share one topic, this keeps them apart. */
export function isRequest(record: ReceivedRecord): boolean {
  return record.headers.some(([name]) => REPLY_TOPIC_HEADERS.has(name));
}
