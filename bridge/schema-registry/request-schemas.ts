/** The schemas with which the requests of one configuration are written, by topic. */
import { GatewayError } from '../errors';
import { Mismatch, type ParsedJson } from './codecs/codec';
import type { RegisteredSchema } from './registered-schema';
import type { RegistryOptions } from './registry-client';
import type { PayloadEncoding } from './payload-encoding';
import type { SchemaRegistry } from './schema-registry';
import type { Subject } from './subject';

export interface SubjectChoice {
  readonly subjectOf: (topic: string) => string;
  /** A number, or `latest`. */
  readonly version: string;
  readonly messageName: string | undefined;
  readonly encoding: PayloadEncoding;
}

export interface RequestSchemaOptions {
  readonly registry: RegistryOptions;
  /** All that a request may go to. */
  readonly topics: readonly string[];
  /** Undefined: values go out as they are. */
  readonly value: SubjectChoice | undefined;
  /** Undefined: keys go out as they are. */
  readonly key: SubjectChoice | undefined;
  readonly ttlMs: number;
  /** Nobody is refused while a schema is away: this gateway is as good as another then. Default false. */
  readonly mayWait?: boolean;
}

const CONTENT_TYPES: Readonly<Record<RegisteredSchema['type'], string>> = {
  AVRO: 'application/avro',
  JSON: 'application/json',
  PROTOBUF: 'application/protobuf',
};

export class RequestSchemas {
  readonly writesValues: boolean;
  readonly writesKeys: boolean;
  readonly #values: ReadonlyMap<string, Subject>;
  readonly #keys: ReadonlyMap<string, Subject>;
  readonly #subjects: readonly Subject[];
  readonly #release: () => void;

  constructor(registry: SchemaRegistry, options: RequestSchemaOptions, release: () => void) {
    const bySubject = new Map<string, Subject>();
    const subjectsOf = (choice: SubjectChoice | undefined): Map<string, Subject> =>
      new Map(
        (choice ? options.topics : []).map((topic) => [topic, subjectOf(topic, choice as SubjectChoice)]),
      );
    const subjectOf = (topic: string, { subjectOf: nameOf, ...choice }: SubjectChoice): Subject => {
      const name = nameOf(topic);
      const key = JSON.stringify([name, choice]);
      let subject = bySubject.get(key);
      if (!subject)
        bySubject.set(
          key,
          (subject = registry.subject({ name, ...choice, ttlMs: options.ttlMs, mayWait: options.mayWait })),
        );
      return subject;
    };
    this.writesValues = options.value !== undefined;
    this.writesKeys = options.key !== undefined;
    this.#values = subjectsOf(options.value);
    this.#keys = subjectsOf(options.key);
    this.#subjects = [...bySubject.values()];
    this.#release = release;
  }

  get isReady(): boolean {
    return this.#subjects.every((subject) => subject.ready);
  }

  /** Why a schema is not there. */
  get reason(): string | undefined {
    return this.#subjects.find((subject) => !subject.ready)?.reason;
  }

  /**
   * Undefined, and no promise, when there is nothing to wait for. Rejects with GatewayError not_ready; at once where the
   * registry was asked in vain before.
   */
  whenReady(): Promise<void> | undefined {
    for (const subject of this.#subjects) if (!subject.ready) return this.#ready();
    return undefined;
  }

  /** Only when ready. @throws GatewayError schema_mismatch */
  value(topic: string, json: ParsedJson): { readonly bytes: Buffer; readonly contentType: string } {
    const subject = at(this.#values, topic);
    const bytes = encoded(subject, json, 'value');
    return { bytes, contentType: CONTENT_TYPES[subject.type ?? 'JSON'] };
  }

  /**
   * Only when ready. A key is text wherever it came from: what is no string in its schema is read as JSON.
   * @throws GatewayError schema_mismatch
   */
  key(topic: string, key: string): Buffer {
    const subject = at(this.#keys, topic);
    try {
      return subject.encode({ text: JSON.stringify(key), value: key });
    } catch (error) {
      const value = parsed(key);
      if (!(error instanceof Mismatch) || value === undefined) throw told(error, 'key');
      return encoded(subject, { text: key, value }, 'key');
    }
  }

  close(): void {
    for (const subject of this.#subjects) subject.close();
    this.#release();
  }

  async #ready(): Promise<void> {
    for (const subject of this.#subjects) {
      if (subject.ready) continue;
      if (subject.reason === undefined) await subject.settled();
      if (!subject.ready)
        throw new GatewayError('not_ready', subject.reason ?? 'the schema is still asked for');
    }
  }
}

function at(subjects: ReadonlyMap<string, Subject>, topic: string): Subject {
  const subject = subjects.get(topic);
  if (!subject) throw new GatewayError('internal', `there is no subject for topic ${topic}`);
  return subject;
}

function encoded(subject: Subject, json: ParsedJson, half: 'value' | 'key'): Buffer {
  try {
    return subject.encode(json);
  } catch (error) {
    throw told(error, half);
  }
}

function told(error: unknown, half: 'value' | 'key'): unknown {
  if (!(error instanceof Mismatch)) return error;
  const { pointer, expected, found } = error;
  const where = half === 'key' ? 'the key' : pointer === '' ? 'the body' : `the body at ${pointer}`;
  return new GatewayError('schema_mismatch', `${where}: expected ${expected}, found ${found}`, {
    facts: { pointer, expected, found },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
