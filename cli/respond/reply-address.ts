/**
 * Where the reply to a record goes, and how it says what it is the reply to. Whoever may write to the topic of requests
 * chooses what stands in them, so a topic is only taken from a record where it may be one of replies.
 */
import { TOPIC_NAME } from '../../bridge/config/shared-options';
import type { ReceivedRecord } from '../../bridge/kafka/records';
import {
  addressHeaders,
  DIALECT_NAMES,
  REQUEST_ID_HEADER,
  type AddressHeaders,
  type DialectName,
} from '../../bridge/reply/dialects';
import { isNodeTopic, NODE_PLACEHOLDER } from '../../bridge/reply/reply-routing';

/** `auto`: as the record has it. `body`, `key`: for services that know no headers. */
export const REPLY_DIALECTS = ['auto', ...DIALECT_NAMES, 'body', 'key'] as const;
export type ReplyDialect = (typeof REPLY_DIALECTS)[number];

export interface AddressRules {
  readonly dialect: ReplyDialect;
  /** Topics that are answered on, `{node}` in them for the name of a gateway; none: whatever a record says. */
  readonly replyTopics: readonly string[];
  /** Topics of requests: what is sent there would be answered again. */
  readonly topics: readonly string[];
}

export interface ReplyAddress {
  readonly topic: string;
  readonly partition: number | undefined;
  readonly correlationId: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the reply's JSON, for `body`. */
  readonly bodyField: string | undefined;
  /** For frameworks with a way of their own to say what went wrong. */
  readonly dialect: ReplyDialect;
}

const BODY_REQUEST_FIELD = 'correlation_id';
const BODY_REPLY_FIELD = 'correlation-id';
const LEGAL_TOPIC = new RegExp(TOPIC_NAME.pattern.regex);

/** @returns a sentence where there can be no reply; undefined for a record that is itself a reply */
export function replyAddress(
  request: ReceivedRecord,
  rules: AddressRules,
): ReplyAddress | string | undefined {
  const families = familiesOf(request, rules.dialect);
  const named = families
    .map(({ replyTopic }) => headerText(request, replyTopic))
    .find((topic) => topic !== undefined);
  // On a topic for both, only a request names where replies go.
  if (named === undefined && rules.replyTopics.includes(request.topic)) return undefined;
  const topic = named ?? fallbackTopic(rules);
  if (topic === undefined) return 'it names no reply topic';
  const refused = refusal(topic, rules);
  if (refused !== undefined) return refused;
  if (rules.dialect === 'key' || rules.dialect === 'body')
    return withoutHeaders(request, topic, rules.dialect);
  // Two dialects may have one name for it.
  const ids = new Map(
    families.map(({ correlationId }) => [correlationId, headerText(request, correlationId)]),
  );
  const correlations = [...ids].filter((header): header is [string, string] => header[1] !== undefined);
  const [first] = correlations;
  if (!first) return 'it has no correlation id that is text';
  const requestId = headerText(request, REQUEST_ID_HEADER);
  return {
    topic,
    partition: families
      .map(({ replyPartition }) => partitionIn(request, replyPartition))
      .find((number) => number !== undefined),
    correlationId: first[1],
    headers: [...correlations, ...(requestId === undefined ? [] : [[REQUEST_ID_HEADER, requestId] as const])],
    bodyField: undefined,
    dialect: rules.dialect,
  };
}

function withoutHeaders(
  request: ReceivedRecord,
  topic: string,
  dialect: 'body' | 'key',
): ReplyAddress | string {
  const place = { topic, partition: undefined, headers: [], dialect };
  if (dialect === 'key') {
    if (request.key === null) return 'it has no key';
    return { ...place, correlationId: request.key.toString(), bodyField: undefined };
  }
  const id = fieldOf(request.value, BODY_REQUEST_FIELD);
  if (typeof id !== 'string') return `its value is no JSON with a text ${BODY_REQUEST_FIELD}`;
  return { ...place, correlationId: id, bodyField: BODY_REPLY_FIELD };
}

/** The families of headers in which the record is addressed. */
function familiesOf({ headers }: ReceivedRecord, dialect: ReplyDialect): readonly AddressHeaders[] {
  if (dialect === 'body' || dialect === 'key') return [];
  const names: readonly DialectName[] = dialect === 'auto' ? DIALECT_NAMES : [dialect];
  return names
    .map(addressHeaders)
    .filter(({ correlationId }) => headers.some(([name]) => name === correlationId));
}

function fallbackTopic({ replyTopics, topics }: AddressRules): string | undefined {
  const [only, ...more] = replyTopics;
  if (only === undefined || more.length > 0 || only.includes(NODE_PLACEHOLDER)) return undefined;
  return topics.includes(only) ? undefined : only;
}

function refusal(topic: string, { replyTopics, topics }: AddressRules): string | undefined {
  if (!LEGAL_TOPIC.test(topic) || topic.length > TOPIC_NAME.maxLength || topic === '.' || topic === '..')
    return 'what it names as its reply topic is no topic name';
  if (replyTopics.length > 0)
    return replyTopics.some((allowed) => allowed === topic || isNodeTopic(allowed, topic))
      ? undefined
      : `it names the reply topic ${topic}, which is not among those of --reply-topic`;
  if (topic.startsWith('__')) return `it names the reply topic ${topic}, which is one of Kafka's own`;
  return topics.includes(topic) ? `it names the reply topic ${topic}, where requests are` : undefined;
}

function headerText({ headers }: ReceivedRecord, name: string): string | undefined {
  const [, value] = headers.find(([header]) => header === name) ?? [];
  if (!value || value.length === 0) return undefined;
  const text = value.toString();
  return text.includes('\0') || !Buffer.from(text).equals(value) ? undefined : text;
}

/** In digits, or as Spring's four bytes. */
function partitionIn({ headers }: ReceivedRecord, name: string | undefined): number | undefined {
  const [, value] = headers.find(([header]) => header === name) ?? [];
  if (!value) return undefined;
  if (/^\d{1,6}$/.test(value.toString('latin1'))) return Number(value.toString('latin1'));
  return value.length === 4 && value[0] === 0 ? value.readUInt32BE() : undefined;
}

function fieldOf(value: Buffer | null, field: string): unknown {
  const object = value === null ? undefined : jsonObject(value);
  return object !== undefined && Object.hasOwn(object, field) ? object[field] : undefined;
}

export function jsonObject(value: Buffer): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(value.toString());
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
