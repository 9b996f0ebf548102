/** A plugin of Kong's own that the stand-in imitates. */
import type { EventOutcome } from './event';
import type { RequestContext } from './request-context';
import type { JsonTable, PluginSchema } from './schema';

export interface BundledPlugin {
  readonly name: string;
  readonly priority: number;
  readonly schema: PluginSchema;
  /** Rules Kong writes in Lua. */
  check?(config: JsonTable): string | undefined;
  access(config: JsonTable, request: RequestContext): EventOutcome | Promise<EventOutcome>;
  /** Runs for every response of a route that has the plugin, also when another plugin exited. */
  headerFilter?(config: JsonTable, request: RequestContext): void;
}

/** The protocols field of Kong's HTTP plugins. */
export const HTTP_PROTOCOLS = {
  protocols: {
    type: 'set',
    required: true,
    default: ['grpc', 'grpcs', 'http', 'https'],
    elements: { type: 'string', one_of: ['grpc', 'grpcs', 'http', 'https'] },
  },
} as const;
