/**
 * The schema with which a subject's values are written. It is looked up when a configuration comes, and until it is there
 * again and again; `latest` is looked up anew when it has become old, and meanwhile the one before is used.
 */
import type { Clock } from '../clock';
import { log } from '../telemetry/log';
import type { Codec, ParsedJson } from './codecs/codec';
import type { PayloadEncoding } from './payload-encoding';
import { compiled } from './compiled';
import type { RegistryClient } from './registry-client';
import type { SchemaType } from './registered-schema';
import { RegistryError } from './registry-error';
import { framePrefix } from './wire-format';

export interface SubjectOptions {
  readonly name: string;
  /** A number, or `latest`. */
  readonly version: string;
  readonly encoding: PayloadEncoding;
  readonly messageName: string | undefined;
  /** After which `latest` is looked up again. */
  readonly ttlMs: number;
  /** What is written can wait for the schema. */
  readonly mayWait?: boolean | undefined;
}

export interface SubjectStatus {
  readonly subject: string;
  readonly version: string;
  readonly ready: boolean;
  readonly schema_id: number | undefined;
  /** Why there is no schema, or no newer one. */
  readonly reason: string | undefined;
}

interface Current {
  readonly id: number;
  readonly type: SchemaType;
  readonly prefix: Buffer;
  readonly codec: Codec;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
export const LATEST = 'latest';

export class Subject {
  readonly #client: Pick<RegistryClient, 'bySubject'>;
  readonly #clock: Clock;
  readonly #options: SubjectOptions;
  readonly #onClose: () => void;
  #current: Current | undefined;
  #staleAtMs = Infinity;
  #asking: Promise<void> | undefined;
  #failure: RegistryError | undefined;
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: () => void = () => undefined;
  #closed = false;

  constructor(
    client: Pick<RegistryClient, 'bySubject'>,
    clock: Clock,
    options: SubjectOptions,
    onClose: () => void,
  ) {
    this.#client = client;
    this.#clock = clock;
    this.#options = options;
    this.#onClose = onClose;
    void this.#ask();
  }

  get ready(): boolean {
    return this.#current !== undefined;
  }

  /** Its schema is not there, and requests are refused that another gateway may be able to write. */
  get isMissed(): boolean {
    return !this.ready && !this.isRefused && this.#options.mayWait !== true;
  }

  /** The registry has answered that there is none, or none that can be used. */
  get isRefused(): boolean {
    return this.#failure?.kind === 'refused';
  }

  /** Why there is no schema, or no newer one. */
  get reason(): string | undefined {
    return this.#failure?.detail;
  }

  /** Undefined while it is not known. */
  get type(): SchemaType | undefined {
    return this.#current?.type;
  }

  /** Resolves when the question that is on its way has been answered, whatever the answer; at once where there is none. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  /** The framed bytes; only when ready. @throws Mismatch */
  encode(json: ParsedJson): Buffer {
    if (this.#clock.now() >= this.#staleAtMs) void this.#ask();
    const current = this.#current;
    if (!current) throw new Error(`subject ${this.#options.name} has no schema yet`);
    return Buffer.concat([current.prefix, current.codec.encode(json)]);
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#onClose();
  }

  status(): SubjectStatus {
    const { name, version } = this.#options;
    return { subject: name, version, ready: this.ready, schema_id: this.#current?.id, reason: this.reason };
  }

  #ask(): Promise<void> {
    this.#cancelRetry();
    this.#asking ??= this.#once().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #once(): Promise<void> {
    const { name, version, encoding, messageName, ttlMs } = this.#options;
    // Nobody asks a second time while this is on its way, or just after it.
    this.#staleAtMs = version === LATEST ? this.#clock.now() + ttlMs : Infinity;
    try {
      const schema = await this.#client.bySubject(name, version);
      if (schema.id !== this.#current?.id) {
        const codec = await compiled(schema, `version ${version} of subject ${name}`, encoding, messageName);
        this.#current = { id: schema.id, type: schema.type, prefix: framePrefix(schema.id), codec };
        log.info('a subject has its schema', { subject: name, schema_id: schema.id, type: schema.type });
      }
      this.#failure = undefined;
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const failure = error instanceof RegistryError ? error : new RegistryError('unavailable', String(error));
    const facts = { subject: this.#options.name, reason: failure.detail, has_one: this.ready };
    if (this.#failure?.detail !== failure.detail) log.warn('a subject has no newer schema', facts);
    this.#failure = failure;
    if (this.#closed) return;
    this.#cancelRetry = this.#clock.after(this.#retryMs, () => void this.#ask());
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }
}
