import type { ReceivedRecord } from '../../bridge/kafka/records';

/** A record as the reader hands it over; header values may be given as text. */
export function receivedRecord(given: {
  headers?: Record<string, string | Buffer>;
  key?: string | null;
  value?: string | Buffer | null;
  topic?: string;
}): ReceivedRecord {
  const { headers = {}, key = null, value = '', topic = 'replies' } = given;
  return {
    topic,
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value as string),
    headers: Object.entries(headers).map(([name, text]) => [name, Buffer.from(text as string)] as const),
  };
}
