/**
 * Asks a schema registry over the REST interface that they all have in common (`/schemas/ids/7`, `/schemas/guids/…`,
 * `/subjects/orders-value/versions/latest`), and keeps away what would hurt the gateway or the registry:
 *
 * - One question is asked once, however many wait for its answer; what was refused is not asked again for seconds.
 * - Each of several URLs is tried, and a second time after a pause, within one limit of time. After some failures in a
 *   row nobody is asked for a while, and whoever comes is told at once.
 * - Answers are bounded in bytes, schemas in number and depth of their references. They are data: nothing in them is run,
 *   and no address in them is ever asked.
 */
import type { Clock } from '../clock';
import { Authorization, type Authentication } from './authorization';
import {
  HttpExchange,
  jsonObject,
  reasonOf,
  shownUrl,
  type HttpReply,
  type TlsSettings,
} from './http-exchange';
import {
  SCHEMA_TYPES,
  type RegisteredSchema,
  type SchemaReference,
  type SchemaText,
  type SchemaType,
} from './registered-schema';
import { RegistryError } from './registry-error';
import { isSchemaId } from './wire-format';

export interface RegistryOptions {
  /** In the order in which they are tried. */
  readonly urls: readonly URL[];
  readonly tls: TlsSettings;
  readonly authentication: Authentication;
  /** Further headers of every request, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** For one answer; twice that for a question with all its attempts. */
  readonly timeoutMs: number;
}

/** Nobody writes such schemas; a registry that has one has something else in mind. */
const MAX_SCHEMA_BYTES = 1_048_576;
/** JSON in JSON: every quote of a schema is escaped. */
const MAX_ANSWER_BYTES = 2 * MAX_SCHEMA_BYTES;
const MAX_REFERENCES = 64;
const MAX_REFERENCE_DEPTH = 16;

const ROUNDS = 2;
const PAUSE_MS = 100;
const REFUSED_FOR_MS = 5000;
const UNAVAILABLE_FOR_MS = 1000;
const MAX_REMEMBERED_FAILURES = 1000;
const FAILURES_TO_OPEN = 3;
const OPEN_FOR_MS = 5000;

const ACCEPT = 'application/vnd.schemaregistry.v1+json, application/json';

export class RegistryClient {
  readonly #options: RegistryOptions;
  readonly #clock: Clock;
  readonly #exchange: HttpExchange;
  readonly #authorization: Authorization;
  readonly #asking = new Map<string, Promise<RegisteredSchema>>();
  readonly #failed = new Map<string, { readonly error: RegistryError; readonly untilMs: number }>();
  /** The URL that answered last. */
  #preferred = 0;
  #failuresInARow = 0;
  #openUntilMs = -Infinity;
  #lastFailure: RegistryError | undefined;

  constructor(options: RegistryOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#exchange = new HttpExchange(options.tls);
    this.#authorization = new Authorization(options.authentication, this.#exchange, () => clock.now());
  }

  /** Why the last question was not answered; undefined when it was. */
  get failure(): string | undefined {
    return this.#lastFailure?.detail;
  }

  /** @throws RegistryError */
  byId(id: number): Promise<RegisteredSchema> {
    return this.#once(`/schemas/ids/${id}`, `schema ${id}`, id);
  }

  /** @param guid a UUID. @throws RegistryError */
  byGuid(guid: string): Promise<RegisteredSchema> {
    return this.#once(`/schemas/guids/${guid}`, `schema ${guid}`, 0);
  }

  /** @param version a number, or `latest`. @throws RegistryError */
  bySubject(subject: string, version: string): Promise<RegisteredSchema> {
    return this.#once(versionPath(subject, version), `version ${version} of subject ${subject}`);
  }

  close(): void {
    this.#exchange.close();
  }

  /** @param id where the answer does not tell it */
  #once(path: string, what: string, id?: number): Promise<RegisteredSchema> {
    const failed = this.#failed.get(path);
    if (failed && this.#clock.now() < failed.untilMs) return Promise.reject(failed.error);
    let asking = this.#asking.get(path);
    if (!asking) {
      asking = this.#schema(path, what, id)
        .catch((error: unknown) => {
          throw this.#remembered(path, error);
        })
        .finally(() => this.#asking.delete(path));
      this.#asking.set(path, asking);
    }
    return asking;
  }

  #remembered(path: string, error: unknown): unknown {
    if (!(error instanceof RegistryError)) return error;
    if (this.#failed.size >= MAX_REMEMBERED_FAILURES) this.#failed.clear();
    const forMs = error.kind === 'refused' ? REFUSED_FOR_MS : UNAVAILABLE_FOR_MS;
    this.#failed.set(path, { error, untilMs: this.#clock.now() + forMs });
    return error;
  }

  async #schema(path: string, what: string, id: number | undefined): Promise<RegisteredSchema> {
    const answer = await this.#get(path, what);
    const known = id ?? answer['id'];
    if (!isSchemaId(known)) throw unusable(what, 'its id is none');
    const type = answer['schemaType'] ?? 'AVRO';
    if (!isSchemaType(type)) throw unusable(what, 'its type is none of AVRO, JSON and PROTOBUF');
    const gathering = { left: MAX_REFERENCES, bytes: 0, known: new Map<string, SchemaText>() };
    const { text, references } = await this.#withReferences(answer, what, gathering, 0);
    this.#failed.delete(path);
    return { id: known, type, text, references, bytes: gathering.bytes };
  }

  async #withReferences(
    answer: Record<string, unknown>,
    what: string,
    gathering: { left: number; bytes: number; readonly known: Map<string, SchemaText> },
    depth: number,
  ): Promise<SchemaText> {
    const text = answer['schema'];
    if (typeof text !== 'string') throw unusable(what, 'the answer holds no schema');
    gathering.bytes += Buffer.byteLength(text);
    if (gathering.bytes > MAX_SCHEMA_BYTES)
      throw unusable(what, `it has more than ${MAX_SCHEMA_BYTES} bytes`);
    const named = answer['references'] ?? [];
    if (!Array.isArray(named)) throw unusable(what, 'its references are not a list');
    if (named.length > 0 && depth === MAX_REFERENCE_DEPTH)
      throw unusable(what, `its references are nested deeper than ${MAX_REFERENCE_DEPTH}, or go in circles`);
    const references: SchemaReference[] = [];
    for (const { name, path, what: which } of named.map((reference) => readReference(reference, what))) {
      let schema = gathering.known.get(path);
      if (!schema) {
        if (gathering.left-- === 0) throw unusable(what, `it has more than ${MAX_REFERENCES} references`);
        schema = await this.#withReferences(await this.#get(path, which), which, gathering, depth + 1);
        gathering.known.set(path, schema);
      }
      references.push({ name, schema });
    }
    return { text, references };
  }

  async #get(path: string, what: string): Promise<Record<string, unknown>> {
    const nowMs = this.#clock.now();
    if (this.#failuresInARow >= FAILURES_TO_OPEN) {
      if (nowMs < this.#openUntilMs) throw this.#lastFailure ?? new RegistryError('unavailable', 'no answer');
      // This one finds out; the others are told at once until it has.
      this.#openUntilMs = nowMs + OPEN_FOR_MS;
    }
    try {
      const answer = await this.#ask(path, what, nowMs + 2 * this.#options.timeoutMs);
      this.#failuresInARow = 0;
      this.#lastFailure = undefined;
      return answer;
    } catch (error) {
      if (error instanceof RegistryError && error.kind === 'unavailable') {
        this.#lastFailure = error;
        this.#openUntilMs = this.#clock.now() + OPEN_FOR_MS;
        this.#failuresInARow++;
      } else this.#failuresInARow = 0;
      throw error;
    }
  }

  async #ask(path: string, what: string, deadlineMs: number): Promise<Record<string, unknown>> {
    const { urls } = this.#options;
    let failure: RegistryError | undefined;
    for (let attempt = 0; attempt < ROUNDS * urls.length; attempt++) {
      if (attempt > 0 && attempt % urls.length === 0) {
        await new Promise<void>((resolve) => this.#clock.after(PAUSE_MS * (1 + Math.random()), resolve));
      }
      const index = (this.#preferred + attempt) % urls.length;
      const leftMs = Math.min(this.#options.timeoutMs, deadlineMs - this.#clock.now());
      const url = urls[index];
      if (url === undefined || leftMs <= 0) break;
      try {
        const answer = await this.#askOne(below(url, path), what, leftMs);
        this.#preferred = index;
        return answer;
      } catch (error) {
        if (!(error instanceof RegistryError) || error.kind === 'refused') throw error;
        failure = error;
      }
    }
    throw failure ?? new RegistryError('unavailable', 'the schema registry did not answer in time');
  }

  async #askOne(url: URL, what: string, timeoutMs: number): Promise<Record<string, unknown>> {
    const reply = await this.#authorized(url, timeoutMs);
    const registry = `the schema registry ${shownUrl(url)}`;
    const { status, contentType } = reply;
    const answer = jsonObject(reply.body);
    if (status === 401)
      throw new RegistryError('unavailable', `${registry} refused the credentials with status ${status}`);
    // It knows who asks, and answers others.
    if (status === 403)
      throw new RegistryError(
        'refused',
        `these credentials may not see ${what}: ${registry} answered with status ${status}`,
      );
    if (status === 404 && answer !== undefined)
      throw new RegistryError('refused', `the schema registry has no ${what}`);
    if (status !== 200) {
      const isTheirs = status >= 500 || status === 429 || status === 408 || answer === undefined;
      throw new RegistryError(
        isTheirs ? 'unavailable' : 'refused',
        `${registry} answered with status ${status}`,
      );
    }
    if (answer === undefined)
      throw new RegistryError(
        'unavailable',
        `${registry} answered with ${shownType(contentType)} instead of JSON`,
      );
    return answer;
  }

  async #authorized(url: URL, timeoutMs: number): Promise<HttpReply> {
    for (let again = false; ; again = true) {
      const headers = { accept: ACCEPT, ...this.#options.headers, ...(await this.#authorization.headers()) };
      const question = { method: 'GET', url, headers, timeoutMs, maxBytes: MAX_ANSWER_BYTES } as const;
      const reply = await this.#exchange.ask(question).catch((error: unknown) => {
        const reason = reasonOf(error);
        throw new RegistryError(
          'unavailable',
          `the schema registry ${shownUrl(url)} cannot be asked: ${reason}`,
        );
      });
      if (reply.status !== 401 || again || !this.#authorization.refused()) return reply;
    }
  }
}

function readReference(reference: unknown, what: string): { name: string; path: string; what: string } {
  const { name, subject, version } = (reference ?? {}) as Record<string, unknown>;
  // The two dots would lead out of the path of subjects.
  if (
    typeof name !== 'string' ||
    typeof subject !== 'string' ||
    /^\.{0,2}$/.test(subject) ||
    !isSchemaId(version)
  )
    throw unusable(what, 'one of its references has no name, subject and version');
  return {
    name,
    path: versionPath(subject, String(version)),
    what: `version ${version} of a subject that it refers to`,
  };
}

function versionPath(subject: string, version: string): string {
  return `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
}

/** A registry may live below a path, as Apicurio's does. */
function below(url: URL, path: string): URL {
  return new URL(url.origin + url.pathname.replace(/\/+$/, '') + path);
}

function isSchemaType(type: unknown): type is SchemaType {
  return SCHEMA_TYPES.some((known) => known === type);
}

/** It names no more than a media type, whatever it holds. */
function shownType(contentType: string): string {
  return /^[a-z0-9.+-]{1,40}\/[a-z0-9.+-]{1,60}/i.exec(contentType)?.[0] ?? 'something else';
}

function unusable(what: string, why: string): RegistryError {
  return new RegistryError('refused', `${what} cannot be used: ${why}`);
}
