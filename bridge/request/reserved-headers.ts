/**
 * Names that no client decides about, whatever a configuration says: they tell a responder where to answer, how to
 * decode, or who is asking. Spring, for one, trusts type names in headers. Kong lets underscores in header names
 * through, so a browser can send `kafka_replyTopic`.
 */
import { DIALECT_HEADERS } from '../reply/dialects';

/** Proxies and frameworks take `_` and `-`, and both cases, for the same: so do all checks. */
export function normalName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // Of the HTTP body: it says nothing true about the record's value.
  'content-length',
];

/** Kong's own names for the consumer; a client may have sent them on a route without authentication. */
export const CONSUMER_HEADERS = {
  id: 'x-consumer-id',
  username: 'x-consumer-username',
  custom_id: 'x-consumer-custom-id',
} as const;

const FORBIDDEN: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...Object.values(CONSUMER_HEADERS),
  // Of a reply: a responder that echoes headers would let the client choose its own status.
  'status',
  'http-status',
  'x-status-code',
]);

/** In normal form, so `--` is `__TypeId__`, `__value_schema_id` and their like. */
const FORBIDDEN_BEGINNINGS = [
  ':',
  '--',
  'ce-',
  'kafka-',
  'kong-kafka-',
  'proxy-',
  'reply-',
  'rig-',
  'spring-json-',
  'springdeserializerexception',
  'x-plt-kafka-hooks-',
  'zilla:',
];

/** @param name of a header on its way from the client into a record, or the name it would get there */
export function isForbidden(name: string): boolean {
  const normal = normalName(name);
  return FORBIDDEN.has(normal) || FORBIDDEN_BEGINNINGS.some((beginning) => normal.startsWith(beginning));
}

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'apikey', 'x-api-key']);

/** Forwarded only where a configuration names them. */
export function isCredential(name: string): boolean {
  return CREDENTIALS.has(normalName(name));
}

/** Written by the gateway itself when it expects a reply, in one dialect or another. */
export const ADDRESSING_NAMES: ReadonlySet<string> = new Set(DIALECT_HEADERS.map(normalName));

/** Headers that the gateway may write under a fixed name; nothing else is forwarded or renamed to these. */
export const OWN_NAMES: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'idempotency-key',
  'deadline',
  'ttl',
  // Checked before they are written (trace-headers.ts), which a renaming would get around.
  'traceparent',
  'tracestate',
  'baggage',
]);

/** What a configuration may neither rename nor make the target of a renaming. In normal form. */
export const NEVER_RENAMED = {
  names: [...FORBIDDEN, ...OWN_NAMES, ...ADDRESSING_NAMES],
  beginnings: FORBIDDEN_BEGINNINGS,
} as const;
