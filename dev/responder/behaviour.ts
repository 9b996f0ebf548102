/** What the responder answers to a record: the value of the reply, its headers and where it goes. */
import { gunzipSync } from 'node:zlib';
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';

export const MODES = ['echo', 'upper', 'order', 'steps'] as const;
export const RESPONDER_DIALECTS = [
  'auto',
  'plain',
  'spring',
  'nestjs',
  'smallrye',
  'zilla',
  'body',
  'key',
] as const;

export interface Behaviour {
  readonly topic: string;
  /** echo: the value as it came; upper: in capitals; order: computes a small order from JSON; steps: which reply it is. */
  readonly mode: (typeof MODES)[number];
  /** Where correlation id and reply topic are read, and what the reply looks like. auto: as the request. */
  readonly dialect: (typeof RESPONDER_DIALECTS)[number];
  /** For requests that name none, as with `body` and `key`. */
  readonly replyTopic?: string;
  readonly delayMs: number;
  /** Answers are held until there are this many, and then given all at once. */
  readonly together: number;
  /** Answers with the dialect's mark of an error. */
  readonly error: boolean;
  /** HTTP status to ask for. */
  readonly status?: number;
  /** Copies of each reply beyond the first. */
  readonly duplicates: number;
  /** Replies to each request. Where there are several, `sequence` numbers them from 1 and `last` is on the last one. */
  readonly replies: number;
  /** Between two of them. */
  readonly everyMs: number;
  /** Further headers of the reply. */
  readonly headers: Readonly<Record<string, string>>;
}

export const DEFAULT_BEHAVIOUR: Omit<Behaviour, 'topic'> = {
  mode: 'echo',
  dialect: 'auto',
  delayMs: 0,
  together: 1,
  error: false,
  duplicates: 0,
  replies: 1,
  everyMs: 0,
  headers: {},
};

/** How each family of frameworks finds its way back; the names a service sees, written down a second time on purpose. */
const FAMILIES = {
  spring: { correlation: 'kafka_correlationId', replyTopic: 'kafka_replyTopic', status: 'x-status-code' },
  nestjs: {
    correlation: 'kafka_correlationId',
    replyTopic: 'kafka_replyTopic',
    replyPartition: 'kafka_replyPartition',
    status: 'x-status-code',
  },
  smallrye: { correlation: 'REPLY_CORRELATION_ID', replyTopic: 'REPLY_TOPIC', status: 'x-status-code' },
  zilla: { correlation: 'zilla:correlation-id', replyTopic: 'zilla:reply-to', status: ':status' },
  plain: {
    correlation: 'correlation-id',
    replyTopic: 'reply-to',
    replyPartition: 'reply-partition',
    status: 'status',
  },
} as const satisfies Record<
  string,
  { correlation: string; replyTopic: string; replyPartition?: string; status: string }
>;
type Family = keyof typeof FAMILIES;

/**
 * Nothing when the request cannot be answered: no reply topic, or no correlation id where the dialect has it.
 * @param place of the reply among all of them, from 1
 */
export function replyTo(
  request: ReceivedRecord,
  given: Behaviour,
  place = given.replies,
): OutgoingRecord | undefined {
  const behaviour =
    given.replies === 1 ? given : { ...given, headers: { ...given.headers, ...placeHeaders(place, given) } };
  const result = compute(request, behaviour, place);
  switch (behaviour.dialect) {
    case 'body':
      return replyInBody(request, behaviour, result);
    case 'key':
      return behaviour.replyTopic === undefined || request.key === null
        ? undefined
        : {
            topic: behaviour.replyTopic,
            key: request.key,
            value: result.value,
            headers: statusHeaders('plain', behaviour, result),
          };
    case 'auto': {
      const family = (Object.keys(FAMILIES) as Family[]).find((name) =>
        header(request, FAMILIES[name].correlation),
      );
      return family && replyInFamily(family, request, behaviour, result);
    }
    default:
      return replyInFamily(behaviour.dialect, request, behaviour, result);
  }
}

function placeHeaders(place: number, { replies }: Behaviour): Record<string, string> {
  return { sequence: String(place), ...(place === replies && { last: 'true' }) };
}

function replyInFamily(family: Family, request: ReceivedRecord, behaviour: Behaviour, result: Result) {
  const names: { correlation: string; replyTopic: string; replyPartition?: string } = FAMILIES[family];
  const correlation = header(request, names.correlation);
  const topic = header(request, names.replyTopic) ?? behaviour.replyTopic;
  if (correlation === undefined || topic === undefined) return undefined;
  const partition = names.replyPartition === undefined ? undefined : header(request, names.replyPartition);
  const where = { topic, ...(partition !== undefined && { partition: Number(partition) }) };
  const headers: [string, string][] = [
    [names.correlation, correlation],
    ...statusHeaders(family, behaviour, result),
  ];
  // NestJS closes a stream of replies with this; for one value it comes in the same record.
  if (family === 'nestjs' && behaviour.headers.last === (behaviour.replies === 1 ? undefined : 'true'))
    headers.push(['kafka_nest-is-disposed', '1']);
  const failed = behaviour.error || result.failed;
  // NestJS sends the error in the header and no value; the others have an application's own convention.
  if (failed && family === 'nestjs') {
    headers.push(['kafka_nest-err', text(result.value)]);
    return { ...where, value: null, headers };
  }
  if (failed && family === 'smallrye') headers.push(['REPLY_ERROR', 'the request was refused']);
  return { ...where, value: result.value, headers };
}

/** The convention of the first Python service of this pattern: it reads `correlation_id`, writes `correlation-id`. */
function replyInBody(
  request: ReceivedRecord,
  behaviour: Behaviour,
  result: Result,
): OutgoingRecord | undefined {
  const body = jsonObject(request.value);
  const id = body?.correlation_id;
  if (typeof id !== 'string' || behaviour.replyTopic === undefined) return undefined;
  const answer = { ...(jsonObject(result.value) ?? { value: text(result.value) }), 'correlation-id': id };
  return {
    topic: behaviour.replyTopic,
    value: Buffer.from(JSON.stringify(answer)),
    headers: statusHeaders('plain', behaviour, result),
  };
}

function statusHeaders(family: Family, behaviour: Behaviour, result: Result): [string, string][] {
  const status = behaviour.status ?? result.status;
  return [
    ...(status === undefined ? [] : [[FAMILIES[family].status, String(status)] as [string, string]]),
    ...(result.contentType === undefined ? [] : [['content-type', result.contentType] as [string, string]]),
    ...(result.contentEncoding === undefined
      ? []
      : [['content-encoding', result.contentEncoding] as [string, string]]),
    ...Object.entries(behaviour.headers),
  ];
}

interface Result {
  readonly value: Buffer;
  readonly failed: boolean;
  readonly status?: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

function compute(request: ReceivedRecord, behaviour: Behaviour, place: number): Result {
  const value = request.value ?? Buffer.alloc(0);
  const contentType = header(request, 'content-type');
  const media = contentType === undefined ? {} : { contentType };
  const contentEncoding = header(request, 'content-encoding');
  switch (behaviour.mode) {
    case 'echo':
      // As it came, so what says how to read it has to come back as well.
      return { value, failed: false, ...media, ...(contentEncoding !== undefined && { contentEncoding }) };
    case 'upper':
      return {
        value: Buffer.from(text(decoded(value, contentEncoding)).toUpperCase()),
        failed: false,
        ...media,
      };
    case 'order':
      return order(decoded(value, contentEncoding));
    case 'steps':
      return json({ step: place, of: behaviour.replies });
  }
}

/** gzip is enough for the services of a demo; what they cannot read is no order. */
function decoded(value: Buffer, contentEncoding: string | undefined): Buffer {
  if (contentEncoding !== 'gzip') return value;
  try {
    return gunzipSync(value, { maxOutputLength: MAX_DECODED_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}

const MAX_DECODED_BYTES = 16 * 1024 * 1024;

const UNIT_PRICE_CENTS = 995;

function order(value: Buffer): Result {
  const { item, quantity } = jsonObject(value) ?? {};
  if (typeof item !== 'string' || !Number.isInteger(quantity) || (quantity as number) < 1) {
    return {
      ...json({ message: 'an order needs an item and a whole quantity of at least 1' }),
      failed: true,
      status: 422,
    };
  }
  const totalCents = (quantity as number) * UNIT_PRICE_CENTS;
  return json({ status: 'accepted', item, quantity, total: (totalCents / 100).toFixed(2), currency: 'EUR' });
}

function json(body: object): Result {
  return { value: Buffer.from(JSON.stringify(body)), failed: false, contentType: 'application/json' };
}

function jsonObject(value: Buffer | null): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text(value ?? Buffer.alloc(0)));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function header(record: ReceivedRecord, name: string): string | undefined {
  const found = record.headers.find(([headerName]) => headerName === name);
  return found && text(found[1]);
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8');
}
