/** Responses made by Kong itself, with what it adds, drops and lets through. */
import type { ServerResponse } from 'node:http';
import { HeaderList, safeHeaderName, safeHeaderValue } from './headers';
import { ERROR_CONTENT_TYPE, errorBody } from './kong-error';
import { textOf, type LuaValue } from './lua-value';
import type { ExitResponse, RequestContext } from './request-context';

export const SERVER_NAME = 'kong/stand-in';

/** Kong sets these itself; a plugin's values are lost. */
const NOT_FOR_PLUGINS = new Set(['server', 'date', 'x-kong-request-id', 'transfer-encoding']);

export function sendError(
  response: ServerResponse,
  request: RequestContext,
  status: number,
  message?: string,
): void {
  const headers = new HeaderList();
  headers.set('Content-Type', [ERROR_CONTENT_TYPE]);
  send(response, request, status, headers, errorBody(status, request.id, message));
}

/** nginx takes them for what it means by them itself, and closes the connection: no client ever sees one. */
const CUTS_THE_CONNECTION = new Set([408, 444, 499]);

export function sendExit(response: ServerResponse, request: RequestContext, exit: ExitResponse): void {
  // A 1xx is no final response: Kong's client never gets one.
  if (exit.status < 200 || CUTS_THE_CONNECTION.has(exit.status)) return void response.destroy();
  if (exit.body === undefined && exit.status >= 400) return sendError(response, request, exit.status);
  const headers = new HeaderList();
  for (const [name, value] of Object.entries(exit.headers ?? {})) {
    if (value !== undefined && value !== null) addPluginHeader(headers, name, value, request);
  }
  send(response, request, exit.status, headers, exit.body ?? Buffer.alloc(0));
}

function addPluginHeader(headers: HeaderList, name: string, value: LuaValue, request: RequestContext): void {
  const safeName = safeHeaderName(name);
  const key = safeName.toLowerCase();
  if (key === 'transfer-encoding')
    request.log('warn', `manually setting Transfer-Encoding. Ignored. (${textValue(value)})`);
  if (NOT_FOR_PLUGINS.has(key)) return;
  if (key === 'content-length')
    // nginx believes the plugin, and the next response on the connection is torn apart.
    request.log('warn', `a plugin set content-length to ${textValue(value)}: it is sent as it is`);
  const values = (Array.isArray(value) ? value : [value]).map((item) => safeHeaderValue(textValue(item)));
  headers.set(safeName, key === 'content-type' ? values.slice(-1) : values);
}

function textValue(value: LuaValue): string {
  if (typeof value === 'string' || value instanceof Uint8Array) return textOf(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? value.map(textValue).join(', ') : '';
}

/** The log phase wants to know what was sent. */
export function writeHead(
  response: ServerResponse,
  request: RequestContext,
  status: number,
  headers: HeaderList,
): void {
  request.sent = { status, headers };
  response.writeHead(status, headers.toRaw());
}

function send(
  response: ServerResponse,
  request: RequestContext,
  status: number,
  headers: HeaderList,
  body: Buffer,
): void {
  if (response.destroyed || response.headersSent) return;
  const all = new HeaderList();
  const set = request.responseHeaders.toRaw();
  for (let i = 0; i < set.length; i += 2) all.add(safeHeaderName(set[i]!), safeHeaderValue(set[i + 1]!));
  const raw = headers.toRaw();
  for (let i = 0; i < raw.length; i += 2) all.delete(raw[i]!);
  for (let i = 0; i < raw.length; i += 2) all.add(raw[i]!, raw[i + 1]!);
  if (all.first('content-length') === undefined) all.set('Content-Length', [String(body.length)]);
  all.set('X-Kong-Response-Latency', [String(Math.round(Date.now() - request.startedAtMs))]);
  all.set('Server', [SERVER_NAME]);
  all.set('X-Kong-Request-Id', [request.id]);
  writeHead(response, request, status, all);
  // node leaves the body out for HEAD, 204 and 304 by itself.
  response.end(body);
}
