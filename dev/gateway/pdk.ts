/**
 * The part of Kong's PDK that a plugin server can reach in the access phase. Functions are named as on the wire
 * and take and give Lua values; a `LuaError` is what ends the request with a 500 in Kong.
 */
import { readFile } from 'node:fs/promises';
import type { HeaderList } from './headers';
import { bytesOf, isTable, LuaError, type LuaTable, type LuaValue, textOf } from './lua-value';
import { serviceInContext } from './proxied-service';
import { ExitResponse, type LogLevel, type RequestContext } from './request-context';
import { queryTable } from './uri';

export type PdkResult = LuaValue | ExitResponse;
export type PdkFunction = (request: RequestContext, ...args: LuaValue[]) => PdkResult | Promise<PdkResult>;

const DEFAULT_MAX_ENTRIES = 100;
const MAX_ENTRIES = 1000;
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'notice', 'warn', 'err', 'crit', 'alert'];

/** `kong.request.get_raw_body` of a body that lies in a file: no value; ProtoBuf:1 then hands over the path. */
async function getRawBody(request: RequestContext, maxBytes?: LuaValue): Promise<LuaValue> {
  const body = await request.body.read();
  if ('content' in body) return body.content;
  // Only a caller that names a limit (0: none) has the file read (Kong 3.8 and later).
  if (typeof maxBytes !== 'number') return undefined;
  const content = await readFile(body.filePath);
  return maxBytes > 0 && content.length > maxBytes ? undefined : content;
}

function entryLimit(what: string, max: LuaValue): number {
  if (max === undefined || max === null) return DEFAULT_MAX_ENTRIES;
  if (typeof max !== 'number') throw new LuaError(`${what} must be a number`);
  if (max < 1) throw new LuaError(`${what} must be >= 1`);
  if (max > MAX_ENTRIES) throw new LuaError(`${what} must be <= ${MAX_ENTRIES}`);
  return max;
}

function text(what: string, value: LuaValue): string {
  if (typeof value === 'string' || value instanceof Uint8Array) return textOf(value);
  throw new LuaError(`${what} must be a string`);
}

/** Header values as Kong accepts them: text, number, boolean, or a list of those. */
function headerValues(name: string, value: LuaValue): string[] {
  const items = Array.isArray(value) ? value : [value];
  return items.map((item) => {
    if (typeof item === 'string' || item instanceof Uint8Array) return textOf(item);
    if (typeof item === 'number' || typeof item === 'boolean') return String(item);
    throw new LuaError(`invalid header value for "${name}": got ${luaTypeOf(item)}`);
  });
}

export function luaTypeOf(value: LuaValue): string {
  if (value === undefined || value === null) return 'nil';
  if (typeof value === 'string' || value instanceof Uint8Array) return 'string';
  return typeof value === 'object' ? 'table' : typeof value;
}

function setHeader(headers: HeaderList, name: LuaValue, value: LuaValue): undefined {
  const key = text('header', name);
  headers.set(key, headerValues(key, value));
}

function addHeader(headers: HeaderList, name: LuaValue, value: LuaValue): undefined {
  const key = text('header', name);
  for (const item of headerValues(key, value)) headers.add(key, item);
}

function clearHeader(headers: HeaderList, name: LuaValue): undefined {
  headers.delete(text('header', name));
}

function setHeaders(headers: HeaderList, table: LuaValue): undefined {
  if (!isTable(table)) throw new LuaError('headers must be a table');
  for (const [name, value] of Object.entries(table)) headers.set(name, headerValues(name, value));
}

function exit(_request: RequestContext, status: LuaValue, body: LuaValue, headers: LuaValue): ExitResponse {
  if (typeof status !== 'number') throw new LuaError('code must be a number');
  if (status < 100 || status > 599) throw new LuaError('code must be a number between 100 and 599');
  if (headers !== undefined && headers !== null && !isTable(headers) && !isEmptyList(headers))
    throw new LuaError('headers must be a nil or table');
  const table: LuaTable | undefined = isTable(headers)
    ? Object.assign(Object.create(null) as LuaTable, headers)
    : undefined;
  for (const [name, value] of Object.entries(table ?? {})) {
    if (value !== undefined && value !== null) headerValues(name, value);
  }
  return new ExitResponse(Math.floor(status), ...exitBody(body, table));
}

function isEmptyList(value: LuaValue): boolean {
  return Array.isArray(value) && value.length === 0;
}

function exitBody(body: LuaValue, headers: LuaTable | undefined): [Buffer | undefined, LuaTable | undefined] {
  if (body === undefined || body === null) return [undefined, headers];
  if (typeof body === 'string' || body instanceof Uint8Array) return [bytesOf(body), headers];
  if (typeof body !== 'object') throw new LuaError('body must be a nil, string or table');
  const withType: LuaTable = { ...headers, 'content-type': 'application/json; charset=utf-8' };
  return [Buffer.from(luaJson(body), 'latin1'), withType];
}

/** JSON as Lua writes a table: nulls are gone, an empty list is `{}`. */
export function luaJson(value: LuaValue): string {
  if (value instanceof Uint8Array) return JSON.stringify(textOf(value));
  if (Array.isArray(value) && value.length > 0) return `[${value.map(luaJson).join(',')}]`;
  if (isTable(value) || Array.isArray(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${luaJson(member)}`).join(',')}}`;
  }
  return value === undefined ? 'null' : JSON.stringify(value);
}

function nginxVariable(request: RequestContext, name: LuaValue): LuaValue {
  const variable = text('name', name);
  switch (variable) {
    case 'kong_request_id':
    case 'request_id':
      return request.id;
    case 'pid':
      return String(process.pid);
    case 'request_body_file':
      return request.body.filePath;
    case 'request_method':
      return request.method;
    case 'request_uri':
      return request.rawQuery === '' ? request.rawPath : `${request.rawPath}?${request.rawQuery}`;
    case 'uri':
      return request.path;
    case 'args':
      return request.rawQuery;
    case 'scheme':
      return request.scheme;
    case 'host':
      return request.host;
    case 'remote_addr':
      return request.clientIp;
    case 'remote_port':
      return String(request.clientPort);
    case 'server_addr':
      return request.serverAddress;
    case 'server_port':
      return String(request.port);
    case 'connection':
      return String(request.connectionNumber);
    case 'connection_requests':
      return String(request.connectionRequests);
    default:
      if (variable.startsWith('http_')) return request.headers.first(variable.slice('http_'.length));
      if (variable.startsWith('arg_')) return queryArg(request, variable.slice('arg_'.length));
      return undefined;
  }
}

function queryArg(request: RequestContext, name: LuaValue): LuaValue {
  const value = queryTable(request.rawQuery, DEFAULT_MAX_ENTRIES)[text('query argument name', name)];
  return Array.isArray(value) ? value[0] : value;
}

function log(level: LogLevel): PdkFunction {
  return (request, ...parts) => {
    request.log(level, parts.map(logText).join(''));
    return undefined;
  };
}

function logText(part: LuaValue): string {
  if (typeof part === 'object' && part !== null && !(part instanceof Uint8Array)) return 'table: 0x0';
  if (typeof part === 'string' || part instanceof Uint8Array) return bytesOf(part).toString('utf8');
  return part === undefined || part === null ? 'nil' : String(part);
}

function uriCaptures(request: RequestContext): LuaValue {
  return { named: { ...request.match.captures.named }, unnamed: [...request.match.captures.unnamed] };
}

export const PDK: Record<string, PdkFunction> = {
  'kong.client.get_ip': (request) => request.clientIp,
  'kong.client.get_forwarded_ip': (request) => request.clientIp,
  'kong.client.get_port': (request) => request.clientPort,
  'kong.client.get_forwarded_port': (request) => request.clientPort,
  // There are no authentication plugins here: nobody is ever known.
  'kong.client.get_consumer': () => undefined,
  'kong.client.get_credential': () => undefined,
  'kong.client.get_protocol': (request) => request.scheme,

  'kong.ctx.shared.get': (request, key) => request.shared.get(text('key', key)),
  'kong.ctx.shared.set': (request, key, value) => {
    request.shared.set(text('key', key), value);
    return undefined;
  },

  ...Object.fromEntries(LOG_LEVELS.map((level) => [`kong.log.${level}`, log(level)])),
  'kong.log.set_serialize_value': (request, key, value) => {
    request.logFields.set(text('key', key), value);
    return undefined;
  },
  'kong.log.serialize': (request) => request.logEntry,

  'kong.nginx.get_var': nginxVariable,
  'kong.nginx.get_ctx': (request, key) => request.context.get(text('k', key)),
  'kong.nginx.set_ctx': (request, key, value) => {
    request.context.set(text('k', key), value);
    return undefined;
  },
  'kong.nginx.get_subsystem': () => 'http',
  'kong.nginx.req_start_time': (request) => request.startedAtMs / 1000,
  'kong.node.get_id': () => 'a1b2c3d4-0000-4000-8000-000000000000',
  'kong.plugin.get_id': () => undefined,

  'kong.request.get_scheme': (request) => request.scheme,
  'kong.request.get_host': (request) => request.host,
  'kong.request.get_port': (request) => request.port,
  'kong.request.get_forwarded_scheme': (request) => request.scheme,
  'kong.request.get_forwarded_host': (request) => request.host,
  'kong.request.get_forwarded_port': (request) => request.port,
  'kong.request.get_http_version': (request) => request.httpVersion,
  'kong.request.get_method': (request) => request.method,
  'kong.request.get_path': (request) => request.path,
  'kong.request.get_raw_path': (request) => request.rawPath,
  'kong.request.get_path_with_query': (request) =>
    request.rawQuery === '' ? request.rawPath : `${request.rawPath}?${request.rawQuery}`,
  'kong.request.get_raw_query': (request) => request.rawQuery,
  'kong.request.get_query_arg': queryArg,
  'kong.request.get_query': (request, max) => queryTable(request.rawQuery, entryLimit('max_args', max)),
  'kong.request.get_header': (request, name) => request.headers.first(text('header name', name)),
  'kong.request.get_headers': (request, max) => request.headers.toTable(entryLimit('max_headers', max)),
  'kong.request.get_raw_body': getRawBody,
  'kong.request.get_uri_captures': uriCaptures,

  'kong.response.get_status': (request) => request.responseStatus ?? 0,
  'kong.response.get_header': (request, name) => request.responseHeaders.first(text('header name', name)),
  'kong.response.get_headers': (request, max) =>
    request.responseHeaders.toTable(entryLimit('max_headers', max)),
  'kong.response.get_source': () => 'service',
  'kong.response.set_status': (request, status) => {
    if (typeof status !== 'number') throw new LuaError('code must be a number');
    request.responseStatus = status;
    return undefined;
  },
  'kong.response.set_header': (request, name, value) => setHeader(request.responseHeaders, name, value),
  'kong.response.add_header': (request, name, value) => addHeader(request.responseHeaders, name, value),
  'kong.response.clear_header': (request, name) => clearHeader(request.responseHeaders, name),
  'kong.response.set_headers': (request, headers) => setHeaders(request.responseHeaders, headers),
  'kong.response.exit': exit,

  'kong.router.get_route': (request) => request.match.route.toTable(),
  'kong.router.get_service': serviceInContext,

  'kong.service.set_target': (request, host, port) => {
    request.upstream.host = text('host', host);
    if (typeof port !== 'number') throw new LuaError('port must be an integer');
    request.upstream.port = port;
    return undefined;
  },
  'kong.service.request.set_scheme': (request, scheme) => {
    request.upstream.scheme = text('scheme', scheme);
    return undefined;
  },
  'kong.service.request.set_path': (request, path) => {
    const value = text('path', path);
    if (!value.startsWith('/')) throw new LuaError('path must start with /');
    request.upstream.path = value;
    return undefined;
  },
  'kong.service.request.set_raw_query': (request, query) => {
    request.upstream.rawQuery = text('query', query);
    return undefined;
  },
  'kong.service.request.set_method': (request, method) => {
    request.upstream.method = text('method', method);
    return undefined;
  },
  'kong.service.request.set_header': (request, name, value) => setHeader(request.headers, name, value),
  'kong.service.request.add_header': (request, name, value) => addHeader(request.headers, name, value),
  'kong.service.request.clear_header': (request, name) => clearHeader(request.headers, name),
  'kong.service.request.set_headers': (request, headers) => setHeaders(request.headers, headers),
  'kong.service.request.set_raw_body': (request, body) => {
    request.upstream.rawBody = bytesOf(text('body', body));
    return undefined;
  },
};
