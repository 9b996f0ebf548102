/**
 * What the two halves of a request know of schemas. The room of schema registries, with all that it needs, is loaded by the
 * first configuration that names one; nobody else has it in memory.
 */
import type { ReplySchemas, ReplySchemaOptions } from './schema-registry/reply-schemas';
import type { RequestSchemas, RequestSchemaOptions } from './schema-registry/request-schemas';
import type * as Room from './schema-registry/open';

let loaded: typeof Room | undefined;

function room(): typeof Room {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a constructor cannot wait
  return (loaded ??= require('./schema-registry/open') as typeof Room);
}

export function requestSchemas(options: RequestSchemaOptions | undefined): RequestSchemas | undefined {
  return options && room().openRequestSchemas(options);
}

export function replySchemas(options: ReplySchemaOptions | undefined): ReplySchemas | undefined {
  return options && room().openReplySchemas(options);
}

/** Of the registries that are in use. */
export function schemaRegistryStatus(): ReturnType<typeof Room.schemaRegistries> {
  return loaded?.schemaRegistries() ?? [];
}

export function closeSchemas(): void {
  loaded?.closeSchemaRegistries();
}
