/** Schemas of a registry, as they may stand in a document. What a registry says is data: no address in it is followed. */
import { systemClock, type Clock } from '../../bridge/clock';
import type { Authentication } from '../../bridge/schema-registry/authorization';
import { RegistryClient } from '../../bridge/schema-registry/registry-client';
import { RegistryError } from '../../bridge/schema-registry/registry-error';
import type { RegisteredSchema } from '../../bridge/schema-registry/registered-schema';
import { usageError } from '../exit-codes';
import { freeName, idOf, type Json } from './json';

export interface Schemas {
  readonly components: Record<string, Json>;
  /** A reference to the schema; undefined where there is none, or it cannot stand in the document. */
  of(subject: string, version: string): Promise<Json | undefined>;
  close(): void;
}

const TIMEOUT_MS = 5000;

const FORMATS = {
  AVRO: 'application/vnd.apache.avro+json;version=1.9.0',
  JSON: 'application/schema+json;version=draft-07',
  PROTOBUF: 'application/vnd.google.protobuf;version=3',
} as const;

/** Here nothing else keeps the process alive while the registry is waited for. */
const CLOCK: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export const NO_SCHEMAS: Schemas = { components: {}, of: async () => undefined, close: () => undefined };

/** @param tell what could not be had, as a sentence */
export function registrySchemas(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
  tell: (sentence: string) => void,
): Schemas {
  const client = new RegistryClient(
    {
      urls: [registryUrl(url)],
      tls: {
        verify: true,
        caPem: undefined,
        certificatePem: undefined,
        keyPem: undefined,
        keyPassword: undefined,
      },
      authentication: authenticationFrom(env),
      headers: {},
      timeoutMs: TIMEOUT_MS,
    },
    CLOCK,
  );
  const components: Record<string, Json> = {};
  const known = new Map<string, Promise<Json | undefined>>();
  const load = async (subject: string, version: string): Promise<Json | undefined> => {
    let registered: RegisteredSchema;
    try {
      registered = await client.bySubject(subject, version);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      if (error.kind === 'unavailable') throw new Error(`The schema registry: ${error.detail}`);
      tell(`No schema ${subject}: ${error.detail}.`);
      return undefined;
    }
    // Of several versions, and of names that are alike but for what may stand in a key, the first one has the name.
    const id = freeName(idOf(subject), components);
    const schema = embedded(registered, `#/components/schemas/${id}/schema`);
    if (schema === undefined) {
      tell(`The schema ${subject} refers to others, and is left to the registry: id ${registered.id}.`);
      return { description: `Schema ${registered.id} of the registry, subject ${subject}.` };
    }
    components[id] = { schemaFormat: FORMATS[registered.type], schema };
    return { $ref: `#/components/schemas/${id}` };
  };
  return {
    components,
    of: (subject, version) => {
      const key = `${version} ${subject}`;
      const loading = known.get(key) ?? load(subject, version);
      known.set(key, loading);
      return loading;
    },
    close: () => client.close(),
  };
}

function registryUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw usageError('--registry needs an http or https URL without a user in it.');
  return url;
}

function authenticationFrom(env: Readonly<Record<string, string | undefined>>): Authentication {
  const {
    KONG_KAFKA_REGISTRY_TOKEN: token,
    KONG_KAFKA_REGISTRY_USER: username,
    KONG_KAFKA_REGISTRY_PASSWORD: password,
  } = env;
  if (token !== undefined) return { mode: 'bearer', token };
  return username === undefined ? { mode: 'none' } : { mode: 'basic', username, password: password ?? '' };
}

/** Undefined for one that needs others. @param path where it will stand */
function embedded({ type, text, references }: RegisteredSchema, path: string): Json | undefined {
  if (references.length > 0) return undefined;
  if (type === 'PROTOBUF') return text;
  const schema = JSON.parse(text) as Json;
  return type === 'JSON' ? withReferencesInside(schema, path) : schema;
}

/** Pointers into the schema become pointers into the document; one that leads elsewhere makes it unusable. */
function withReferencesInside(schema: Json, path: string): Json | undefined {
  let leadsElsewhere = false;
  const moved = (value: Json): Json => {
    if (Array.isArray(value)) return value.map((item: Json) => moved(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value as Record<string, Json>).flatMap(([name, member]): [string, Json][] => {
        // They would give the references in it another base.
        if (name === '$id' || name === '$schema') return [];
        if (name !== '$ref' || typeof member !== 'string') return [[name, moved(member)]];
        if (member !== '#' && !member.startsWith('#/')) leadsElsewhere = true;
        return [[name, `${path}${member.slice(1)}`]];
      }),
    );
  };
  const result = moved(schema);
  return leadsElsewhere ? undefined : result;
}
