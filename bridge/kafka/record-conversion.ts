/** Between our records and those of node-rdkafka, around its traps with headers and keys. */
import { GatewayError } from '../errors';
import type { NativeMessage } from './binding';
import type { OutgoingRecord, ReceivedRecord } from './records';

export type NativeHeaders = Array<Record<string, string>>;

/**
 * An object whose only key is the header's name. Not a literal with a computed key: V8 makes an object of a class in a
 * fifth of the time and in half of the memory, and every record has several.
 */
class NativeHeader {
  [name: string]: string;

  constructor(name: string, value: string) {
    this[name] = value;
  }
}

/**
 * Header names and values pass through C strings on their way out: bytes behind a NUL are lost, and a lone surrogate
 * would arrive as a replacement character. Refusing is better than delivering something else.
 * @throws GatewayError request_invalid
 */
export function toNativeHeaders({ headers, topic }: OutgoingRecord): NativeHeaders {
  return headers.map((header) => {
    const name = header[0];
    const value = header[1];
    if (!isPlainText(name) || !isPlainText(value)) throw notText(name, topic);
    // An assignment to "__proto__" would make no own property; a computed key does.
    return name === '__proto__' ? { [name]: value } : new NativeHeader(name, value);
  });
}

function isPlainText(text: string): boolean {
  return typeof text === 'string' && text.isWellFormed() && !text.includes('\0');
}

function notText(name: string, topic: string): GatewayError {
  const reason =
    'a header of the record is not text that Kafka clients can carry (NUL or a broken surrogate)';
  return new GatewayError(
    'request_invalid',
    `Header ${JSON.stringify(name)} of the record for ${topic} is not text that Kafka clients can carry (NUL or a broken surrogate).`,
    { reason },
  );
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
  const prototype: unknown = Object.getPrototypeOf(header);
  // Looked at first: the loop would walk through a prototype that is bytes, one by one. It makes no list of names.
  if (prototype === Object.prototype) for (const name in header) return [name, header[name] ?? NO_BYTES];
  // The binding has assigned header["__proto__"] = bytes, which replaces the prototype and leaves no own key.
  return ['__proto__', Buffer.isBuffer(prototype) ? prototype : NO_BYTES];
}

const NO_BYTES = Buffer.alloc(0);
