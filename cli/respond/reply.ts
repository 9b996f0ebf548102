/** The record that answers a request. */
import type { OutgoingRecord, ReceivedRecord } from '../../bridge/kafka/records';
import { jsonObject, type ReplyAddress } from './reply-address';

/** What the service behind a topic has to say. */
export interface Result {
  readonly value: Buffer;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  /** Why it failed. */
  readonly error?: string | undefined;
  readonly status?: number | undefined;
}

export interface ReplyOptions {
  readonly status: number | undefined;
  /** The text of an error, for every answer. */
  readonly error: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Looked at by every gateway, as long as its `status_headers` and `error_headers` are not set to others. */
const STATUS_HEADER = 'status';
const ERROR_HEADER = 'REPLY_ERROR';
const NEST_ERROR_HEADER = 'kafka_nest-err';

export function replyRecord(
  request: ReceivedRecord,
  address: ReplyAddress,
  result: Result,
  options: ReplyOptions,
): OutgoingRecord {
  const error = options.error ?? result.error;
  const status = options.status ?? result.status;
  const isNest = address.dialect === 'nestjs';
  const given = new Set(options.headers.map(([name]) => name.toLowerCase()));
  const own: (readonly [string, string | undefined])[] = [
    [STATUS_HEADER, status === undefined ? undefined : String(status)],
    ['content-type', result.contentType],
    ['content-encoding', result.contentEncoding],
    [isNest ? NEST_ERROR_HEADER : ERROR_HEADER, error],
    // NestJS closes a stream of replies with this; for one value it comes in the same record.
    ['kafka_nest-is-disposed', isNest ? '1' : undefined],
  ];
  return {
    topic: address.topic,
    // Spring answers under the key of the request, too.
    key: request.key,
    value: isNest && error !== undefined ? null : withBodyField(result.value, address),
    ...(address.partition !== undefined && { partition: address.partition }),
    headers: [
      ...address.headers,
      ...own.filter((header): header is [string, string] => header[1] !== undefined && !given.has(header[0])),
      ...options.headers,
    ],
  };
}

function withBodyField(value: Buffer, { bodyField, correlationId }: ReplyAddress): Buffer {
  if (bodyField === undefined) return value;
  const object = jsonObject(value) ?? { value: value.toString() };
  return Buffer.from(JSON.stringify({ ...object, [bodyField]: correlationId }));
}

export function echo(request: ReceivedRecord): Result {
  const header = (name: string): string | undefined =>
    request.headers.find(([other]) => other === name)?.[1].toString();
  return {
    value: request.value ?? Buffer.alloc(0),
    // As it came, so what says how to read it has to come back as well.
    contentType: header('content-type'),
    contentEncoding: header('content-encoding'),
  };
}

export function bytesResult(value: Buffer): Result {
  return { value, contentType: mediaTypeOf(value) };
}

function mediaTypeOf(bytes: Buffer): string {
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return 'application/octet-stream';
  try {
    JSON.parse(text);
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}
