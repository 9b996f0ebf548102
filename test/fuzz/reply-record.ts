/** A reply as a fuzz input describes it: headers and a value in the form of an HTTP message; the key is how it begins. */
import type { ReceivedRecord } from '../../bridge/kafka/records';
import { httpText } from './http-text';

export function replyRecordIn(input: Buffer, mostKeyBytes: number): ReceivedRecord {
  const { headers, body } = httpText(input);
  return {
    topic: 'replies',
    partition: 0,
    offset: 0,
    timestamp: -1,
    key: body.length > 0 ? body.subarray(0, mostKeyBytes) : null,
    value: body.length > 0 ? body : null,
    headers: headers.map(([name, value]) => [name, Buffer.from(value, 'latin1')] as const),
  };
}
