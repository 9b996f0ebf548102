/** Replies that name the schema they were written with -> the same replies in JSON. */
import { GatewayError } from '../errors';
import type { ReceivedRecord } from '../kafka/records';
import { normalHeaderName } from '../reply/forwarded-headers';
import { MAX_GROWTH, Undecodable, type Codec, type Reading } from './codecs/codec';
import type { PayloadEncoding } from './payload-encoding';
import type { RegistryOptions } from './registry-client';
import { RegistryError } from './registry-error';
import type { SchemaKey, SchemaRegistry } from './schema-registry';
import { FrameError, readFrame, readSchemaHeader } from './wire-format';

export interface ReplySchemaOptions {
  readonly registry: RegistryOptions;
  readonly valueEncoding: PayloadEncoding;
  readonly keyEncoding: PayloadEncoding;
  /** What becomes of a reply that cannot be read with its schema. */
  readonly onInvalid: 'error' | 'raw';
  /** Of the bytes that come in; the JSON that they become may have four times as many characters. */
  readonly maxReplyBytes: number;
}

type Half = 'value' | 'key';

const HEADERS: Readonly<Record<Half, string>> = { value: '__value_schema_id', key: '__key_schema_id' };
const REPLACED = new Set(['content-type', 'content-encoding']);
const JSON_TYPE = ['content-type', Buffer.from('application/json')] as const;

/** Bytes, and by what they are read. */
interface Encoded {
  readonly schema: SchemaKey;
  readonly payload: Buffer;
  readonly besideGuid?: Buffer;
}

export class ReplySchemas {
  /** Equal ones read alike. */
  readonly name: string;
  /** Of the JSON of one reply. */
  readonly maxCharacters: number;
  readonly #registry: SchemaRegistry;
  readonly #options: ReplySchemaOptions;
  readonly #release: () => void;

  constructor(registry: SchemaRegistry, name: string, options: ReplySchemaOptions, release: () => void) {
    this.name = `${name} ${options.valueEncoding} ${options.keyEncoding} ${options.maxReplyBytes}`;
    this.maxCharacters = MAX_GROWTH * options.maxReplyBytes;
    this.#registry = registry;
    this.#options = options;
    this.#release = release;
  }

  /**
   * The reply in JSON, or as it is where it names no schema. A promise only where the schema has to be fetched.
   * @throws GatewayError reply_invalid, or rejects with it
   */
  decoded(reply: ReceivedRecord): ReceivedRecord | Promise<ReceivedRecord> {
    try {
      const encoded = encodedIn(reply, 'value');
      if (!encoded) return reply;
      const codec = this.#registry.codec(encoded.schema, this.#options.valueEncoding);
      if (codec) return this.#read(reply, encoded, codec);
      return this.#registry
        .load(encoded.schema, this.#options.valueEncoding)
        .then((loaded) => this.#read(reply, encoded, loaded))
        .catch((error: unknown) => this.#unread(reply, error));
    } catch (error) {
      return this.#unread(reply, error);
    }
  }

  /** For whoever has to look into a record at once: undefined where it cannot be read, or not yet. */
  jsonNow(record: ReceivedRecord, half: Half): string | undefined {
    try {
      const encoded = encodedIn(record, half);
      const codec = encoded && this.#registry.codec(encoded.schema, this.#encoding(half));
      return encoded && codec?.decode(encoded.payload, this.#reading(encoded));
    } catch {
      return undefined; // of somebody else, on a shared topic
    }
  }

  /** Resolves when the schema of a record is there, or is not going to be; undefined where there is nothing to fetch. */
  whenReadable(record: ReceivedRecord, half: Half): Promise<void> | undefined {
    let schema: SchemaKey | undefined;
    try {
      schema = encodedIn(record, half)?.schema;
    } catch {
      return undefined;
    }
    if (schema === undefined || this.#registry.codec(schema, this.#encoding(half))) return undefined;
    return this.#registry.load(schema, this.#encoding(half)).then(
      () => undefined,
      () => undefined,
    );
  }

  close(): void {
    this.#release();
  }

  #encoding(half: Half): PayloadEncoding {
    return half === 'value' ? this.#options.valueEncoding : this.#options.keyEncoding;
  }

  #reading({ besideGuid }: Encoded): Reading {
    return { maxCharacters: this.maxCharacters, besideGuid };
  }

  #read(reply: ReceivedRecord, encoded: Encoded, codec: Codec): ReceivedRecord {
    try {
      const value = Buffer.from(codec.decode(encoded.payload, this.#reading(encoded)));
      const headers = reply.headers.filter(([name]) => !REPLACED.has(normalHeaderName(name)));
      return { ...reply, value, headers: [...headers, JSON_TYPE] };
    } catch (error) {
      return this.#unread(reply, error, `schema ${encoded.schema}: `);
    }
  }

  #unread(reply: ReceivedRecord, error: unknown, which = ''): ReceivedRecord {
    const isKnown = [Undecodable, FrameError, RegistryError].some((kind) => error instanceof kind);
    if (!isKnown) throw error;
    if (this.#options.onInvalid === 'raw') return reply;
    throw new GatewayError('reply_invalid', `the reply cannot be read: ${which}${(error as Error).message}`);
  }
}

/** @throws FrameError */
function encodedIn(record: ReceivedRecord, half: Half): Encoded | undefined {
  const bytes = record[half];
  if (!bytes || bytes.length === 0) return undefined;
  const header = record.headers.find(([name]) => name === HEADERS[half]);
  if (header) {
    const { guid, rest } = readSchemaHeader(header[1]);
    return { schema: guid, payload: bytes, besideGuid: rest };
  }
  const frame = readFrame(bytes);
  return frame && { schema: frame.schemaId, payload: frame.payload };
}
