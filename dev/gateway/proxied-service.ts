/**
 * What Kong knows of a service when it comes to proxying: whether there is one is said by `ngx.ctx.service`, which a plugin
 * can set; where it is, by the service of the route or by `kong.service.set_target`, and never by that field.
 */
import type { Service } from './entities';
import type { LuaValue } from './lua-value';
import type { RequestContext } from './request-context';

const TIMEOUT_MS = 60_000;

/** `ngx.ctx.service` */
export function serviceInContext({ context, match }: RequestContext): LuaValue {
  return context.get('service') ?? match.service?.toTable();
}

/** Undefined where neither a service nor a plugin has said where it is: that is an error in Kong. */
export function proxiedService({ match, upstream }: RequestContext): Service | undefined {
  if (match.service !== undefined) return match.service;
  const { scheme, host, port } = upstream;
  if (scheme === undefined || host === undefined || port === undefined) return undefined;
  return {
    id: '',
    protocol: scheme,
    host,
    port,
    connectTimeoutMs: TIMEOUT_MS,
    readTimeoutMs: TIMEOUT_MS,
    toTable: () => ({}),
  };
}
