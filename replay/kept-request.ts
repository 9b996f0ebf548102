/** What custom_kafka_failover has written, read back; a topic may hold anything, so everything is checked. */
import { REQUEST_METHODS } from '../bridge/config/failover-options';
import type { ReceivedRecord } from '../bridge/kafka/records';

export interface KeptRequest {
  readonly id: string;
  readonly timestampMs: number;
  readonly method: string;
  /** Path and query, beginning with a slash. */
  readonly uri: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly service: string | undefined;
  /** Of the failure for which it was kept. */
  readonly status: number | undefined;
  /** The upstream may have carried it out before it failed. */
  readonly mayBeDelivered: boolean;
}

const METHODS: readonly string[] = REQUEST_METHODS;
/** It goes out in a header. */
const ID = /^[\x21-\x7e]{1,200}$/;
/** Neither an authority nor a fragment, and nothing that ends a request line. */
const URI = /^\/[\x21-\x22\x24-\x7e\x80-\uffff]*$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\uffff]*$/;

/** @returns a sentence where it is none */
export function readKeptRequest({ value }: ReceivedRecord): KeptRequest | string {
  let json: unknown;
  try {
    json = JSON.parse(value?.toString() ?? '');
  } catch {
    return 'the value is not JSON';
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'the value is not an object';
  const { id, timestamp, method, uri, headers, body, body_base64, body_omitted, service, status, delivered } =
    json as Record<string, unknown>;
  if (typeof id !== 'string' || !ID.test(id)) return 'id is not one';
  if (typeof method !== 'string' || !METHODS.includes(method)) return 'method is not one';
  if (typeof uri !== 'string' || !URI.test(uri)) return 'uri is not a path';
  const bytes = readBody(body, body_base64);
  if (bytes === undefined && body_omitted !== undefined) return 'its body was not kept (body_omitted)';
  if (bytes === undefined) return 'there is neither body nor body_base64';
  const read = readHeaders(headers);
  if (read === undefined) return 'headers are not names and values';
  return {
    id,
    timestampMs: typeof timestamp === 'number' ? timestamp * 1000 : NaN,
    method,
    uri,
    headers: read,
    body: bytes,
    service: typeof service === 'string' ? service : undefined,
    status: typeof status === 'number' ? status : undefined,
    mayBeDelivered: delivered !== 'no',
  };
}

function readBody(body: unknown, base64: unknown): Buffer | undefined {
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  return typeof body === 'string' ? Buffer.from(body) : undefined;
}

function readHeaders(headers: unknown): KeptRequest['headers'] | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined;
  const pairs = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value] as const),
  );
  const isFine = pairs.every(
    ([name, value]) => HEADER_NAME.test(name) && typeof value === 'string' && HEADER_VALUE.test(value),
  );
  return isFine ? (pairs as KeptRequest['headers']) : undefined;
}
