/**
 * The log phase: what Kong does when a request is over.
 *
 * It runs in a timer of the worker, with a copy of the request and its log entry, so it delays nobody, and there is no
 * request any more: what would ask nginx for one is a Lua error. An entry that finds all timers taken is lost.
 */
import { isTable, type LuaTable, type LuaValue } from './lua-value';
import { serviceInContext } from './proxied-service';
import type { RequestContext } from './request-context';
import { queryTable } from './uri';
import { WORKSPACE_ID } from './entities';

/** Kong's `lua_max_running_timers`. */
export const MAX_RUNNING_TIMERS = 4096;

const MAX_ENTRIES = 100;
const HIDDEN_HEADERS = ['authorization', 'proxy-authorization'];

/** Seen to raise in the log phase of Kong 3.9.3, or to be allowed in others only. */
const NOT_IN_LOG = new Set([
  'kong.request.get_method',
  'kong.request.get_path',
  'kong.request.get_raw_body',
  'kong.nginx.get_var',
  'kong.response.exit',
  'kong.service.request.set_header',
]);

/** Kong's complaint about a call in this phase, or undefined. */
export function phaseComplaint(method: string, phase: string): string | undefined {
  if (method === 'kong.log.serialize' && phase !== 'log')
    return `function cannot be called in ${phase} phase (only in: log)`;
  if (phase === 'log' && NOT_IN_LOG.has(method)) return 'API disabled in the context of ngx.timer';
  return undefined;
}

/** `kong.log.serialize` as JSON, in the members of Kong 3.9. */
export function logEntry(request: RequestContext, sentBytes: number): string {
  const { match, sent, proxied } = request;
  const tookMs = Date.now() - request.startedAtMs;
  const uri = request.rawQuery === '' ? request.rawPath : `${request.rawPath}?${request.rawQuery}`;
  const headers = request.headers.toTable(MAX_ENTRIES);
  for (const name of HIDDEN_HEADERS) if (name in headers) headers[name] = 'REDACTED';
  const entry: LuaTable = {
    request: {
      id: request.id,
      method: request.method,
      uri,
      url: `${request.scheme}://${request.host}:${request.port}${uri}`,
      querystring: queryTable(request.rawQuery, MAX_ENTRIES),
      headers,
      size: requestBytes(request, uri),
    },
    response: {
      status: sent?.status ?? 0,
      headers: sent?.headers.toTable(MAX_ENTRIES) ?? {},
      size: sentBytes,
    },
    upstream_uri: proxied?.uri ?? '',
    upstream_status: proxied?.status === undefined ? '' : String(proxied.status),
    latencies: {
      request: tookMs,
      kong: tookMs - (proxied?.tookMs ?? 0),
      proxy: proxied?.tookMs ?? -1,
      receive: 0,
    },
    tries: proxied === undefined ? [] : [{ ip: proxied.host, port: proxied.port }],
    route: match.route.toTable(),
    service: serviceInContext(request),
    client_ip: request.clientIp,
    started_at: request.startedAtMs,
    source: proxied?.status === undefined ? 'kong' : 'upstream',
    workspace: WORKSPACE_ID,
    workspace_name: 'default',
  };
  for (const [key, value] of request.logFields) setPath(entry, key.split('.'), value);
  return JSON.stringify(entry);
}

/** As `kong.log.set_serialize_value` has it: dots lead into objects, which are made where they are missing. */
function setPath(table: LuaTable, [name = '', ...rest]: string[], value: LuaValue): void {
  if (rest.length === 0) {
    table[name] = value;
    return;
  }
  const inner = table[name];
  const next: LuaTable = isTable(inner) ? inner : {};
  table[name] = next;
  setPath(next, rest, value);
}

/** Of the request line, the headers, and the body as far as they tell its length. */
function requestBytes({ method, headers }: RequestContext, uri: string): number {
  const head = headers.toRaw().reduce((sum, text) => sum + text.length + 2, 0);
  return `${method} ${uri} HTTP/1.1`.length + 4 + head + Number(headers.first('content-length') ?? 0);
}
