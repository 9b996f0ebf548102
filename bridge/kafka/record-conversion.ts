/** Between our records and those of node-rdkafka, around its traps with headers and keys. */
import { GatewayError } from '../errors';
import type { NativeMessage } from './binding';
import type { OutgoingRecord, ReceivedRecord } from './records';

export type NativeHeaders = Array<Record<string, string>>;

/**
 * Header names and values pass through C strings on their way out: bytes behind a NUL are lost, and a lone surrogate
 * would arrive as a replacement character. Refusing is better than delivering something else.
 * @throws GatewayError request_invalid
 */
export function toNativeHeaders(record: OutgoingRecord): NativeHeaders {
  return record.headers.map(([name, value]) => {
    if (!isPlainText(name) || !isPlainText(value)) {
      throw new GatewayError(
        'request_invalid',
        `Header ${JSON.stringify(name)} of the record for ${record.topic} is not text that Kafka clients can carry (NUL or a broken surrogate).`,
        {
          reason:
            'a header of the record is not text that Kafka clients can carry (NUL or a broken surrogate)',
        },
      );
    }
    // A computed key, so that even "__proto__" becomes an own property.
    return { [name]: value };
  });
}

function isPlainText(text: string): boolean {
  // With the u flag \p{Surrogate} matches only halves that have no partner.
  return typeof text === 'string' && !/[\0\p{Surrogate}]/u.test(text);
}

/** As bytes, because a string key would be cut at its first NUL. */
export function toNativeKey(key: OutgoingRecord['key']): Buffer | null {
  if (key === undefined || key === null) return null;
  return toNativeBytes(typeof key === 'string' ? Buffer.from(key) : key);
}

/**
 * The binding sends a buffer without memory behind it, such as Buffer.alloc(0), as null; an empty view into some
 * memory arrives as what it is.
 */
export function toNativeBytes(bytes: Buffer | null): Buffer | null {
  return bytes?.length === 0 ? EMPTY : bytes;
}

const EMPTY = Buffer.allocUnsafeSlow(1).subarray(0, 0);

export function fromNativeMessage(message: NativeMessage): ReceivedRecord {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    timestamp: message.timestamp ?? -1,
    key: message.key ?? null,
    value: message.value,
    headers: message.headers === undefined ? [] : message.headers.map(readHeader),
  };
}

function readHeader(header: Readonly<Record<string, Buffer>>): readonly [string, Buffer] {
  // The binding assigns header["__proto__"] = bytes, which replaces the object's prototype and leaves no own key.
  const name = Object.keys(header)[0];
  if (name === undefined) {
    const prototype: unknown = Object.getPrototypeOf(header);
    return ['__proto__', Buffer.isBuffer(prototype) ? prototype : Buffer.alloc(0)];
  }
  return [name, header[name] ?? Buffer.alloc(0)];
}
