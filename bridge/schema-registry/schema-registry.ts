/**
 * One schema registry as this process uses it: its client, and the codecs of the schemas that were seen. An id stands for
 * the same schema for ever, so a codec is kept until others need its room; a request finds it in a map.
 */
import type { Clock } from '../clock';
import type { Lingering } from '../linger-pool';
import type { Codec } from './codecs/codec';
import type { PayloadEncoding } from './payload-encoding';
import { compiled } from './compiled';
import { RegistryClient, type RegistryOptions } from './registry-client';
import { Subject, type SubjectOptions, type SubjectStatus } from './subject';

/** Of the text of schemas; a compiled one is some times as large. */
const MAX_KEPT_BYTES = 16_777_216;

/** How a schema that a record names is found: by its id, or by its GUID. */
export type SchemaKey = number | string;

export interface SchemaRegistryStatus {
  readonly ready: boolean;
  readonly reason: string | undefined;
  /** Codecs that are kept. */
  readonly schemas: number;
  readonly subjects: readonly SubjectStatus[];
}

interface Kept {
  readonly codec: Codec;
  readonly bytes: number;
}

export class SchemaRegistry implements Lingering {
  readonly #client: RegistryClient;
  readonly #clock: Clock;
  /** In the order in which they were last used. */
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  readonly #loading = new Map<string, Promise<Codec>>();
  readonly #subjects = new Set<Subject>();

  constructor(options: RegistryOptions, clock: Clock) {
    this.#client = new RegistryClient(options, clock);
    this.#clock = clock;
  }

  /** Undefined where it has to be loaded first. */
  codec(key: SchemaKey, encoding: PayloadEncoding): Codec | undefined {
    const name = `${encoding} ${key}`;
    const kept = this.#kept.get(name);
    if (!kept) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept.codec;
  }

  /** @throws RegistryError */
  load(key: SchemaKey, encoding: PayloadEncoding): Promise<Codec> {
    const name = `${encoding} ${key}`;
    let loading = this.#loading.get(name);
    if (!loading) {
      loading = this.#load(key, encoding, name).finally(() => this.#loading.delete(name));
      this.#loading.set(name, loading);
    }
    return loading;
  }

  /** What is written with the schema of a subject. To be closed. */
  subject(options: SubjectOptions): Subject {
    const subject: Subject = new Subject(this.#client, this.#clock, options, () =>
      this.#subjects.delete(subject),
    );
    this.#subjects.add(subject);
    return subject;
  }

  mayEnd(): boolean {
    return true;
  }

  end(): void {
    for (const subject of [...this.#subjects]) subject.close();
    this.#client.close();
  }

  status(): SchemaRegistryStatus {
    return {
      // A subject that does not exist is a mistake of one configuration, and no reason to take this gateway out.
      ready: ![...this.#subjects].some((subject) => subject.isMissed),
      reason: this.#client.failure,
      schemas: this.#kept.size,
      subjects: [...this.#subjects].map((subject) => subject.status()),
    };
  }

  async #load(key: SchemaKey, encoding: PayloadEncoding, name: string): Promise<Codec> {
    const schema = await (typeof key === 'number' ? this.#client.byId(key) : this.#client.byGuid(key));
    const codec = await compiled(schema, `schema ${key}`, encoding, undefined);
    this.#keep(name, { codec, bytes: schema.bytes });
    return codec;
  }

  #keep(name: string, kept: Kept): void {
    if (this.#kept.has(name)) return;
    this.#kept.set(name, kept);
    this.#keptBytes += kept.bytes;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES || oldest === name) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytes;
    }
  }
}
