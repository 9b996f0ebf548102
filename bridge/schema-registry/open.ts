/** The door of this room: registries are shared by all configurations of the process that describe the same one. */
import { createHash } from 'node:crypto';
import { systemClock } from '../clock';
import { LingerPool } from '../linger-pool';
import type { RegistryOptions } from './registry-client';
import { ReplySchemas, type ReplySchemaOptions } from './reply-schemas';
import { RequestSchemas, type RequestSchemaOptions } from './request-schemas';
import { SchemaRegistry, type SchemaRegistryStatus } from './schema-registry';
import { shownUrl } from './http-exchange';

/** Kong brings an unchanged configuration back within seconds after any change to another. */
const LINGER_MS = 30_000;

interface Shared {
  readonly url: string;
  readonly registry: SchemaRegistry;
  mayEnd(): boolean;
  end(): void;
}

const pool = new LingerPool<Shared>(systemClock, LINGER_MS);

export function openRequestSchemas(options: RequestSchemaOptions): RequestSchemas {
  const { registry, release } = acquire(options.registry);
  return new RequestSchemas(registry, options, release);
}

export function openReplySchemas(options: ReplySchemaOptions): ReplySchemas {
  const { registry, release, key } = acquire(options.registry);
  return new ReplySchemas(registry, key, options, release);
}

/** One for each registry. */
export function schemaRegistries(): (SchemaRegistryStatus & { readonly url: string })[] {
  return pool.things().map(({ url, registry }) => ({ url, ...registry.status() }));
}

/** Closes what is left. */
export function closeSchemaRegistries(): void {
  pool.endAll();
}

function acquire(options: RegistryOptions): { registry: SchemaRegistry; release: () => void; key: string } {
  const key = createHash('sha256').update(JSON.stringify(options)).digest('base64url').slice(0, 22);
  const { registry } = pool.acquire(key, () => {
    const made = new SchemaRegistry(options, systemClock);
    return {
      url: options.urls.map(shownUrl).join(', '),
      registry: made,
      mayEnd: () => true,
      end: () => made.end(),
    };
  });
  return { registry, release: () => pool.release(key), key };
}
