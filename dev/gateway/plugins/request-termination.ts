/** Kong's Request Termination plugin: answers every request that gets this far. */
import { HTTP_PROTOCOLS, type BundledPlugin } from '../bundled-plugin';
import { DONE, type EventOutcome } from '../event';
import { luaString, type LuaTable } from '../lua-value';
import { luaJson } from '../pdk';
import { ExitResponse, type RequestContext } from '../request-context';
import type { JsonTable } from '../schema';
import { queryTable } from '../uri';

const DEFAULT_MESSAGES: Record<number, string> = {
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  500: 'An unexpected error occurred',
  502: 'Bad Gateway',
  503: 'Service unavailable',
};

export function requestTermination(): BundledPlugin {
  return {
    name: 'request-termination',
    priority: 2,
    schema: {
      name: 'request-termination',
      fields: [
        HTTP_PROTOCOLS,
        {
          config: {
            type: 'record',
            fields: [
              { status_code: { type: 'integer', required: true, default: 503, between: [100, 599] } },
              { message: { type: 'string' } },
              { content_type: { type: 'string' } },
              { body: { type: 'string' } },
              { echo: { type: 'boolean', required: true, default: false } },
              { trigger: { type: 'string' } },
            ],
          },
        },
      ],
    },
    check,
    access,
  };
}

function check(config: JsonTable): string | undefined {
  const has = (name: string): boolean => typeof config[name] === 'string' && config[name] !== '';
  if (has('message') && (has('content_type') || has('body')))
    return 'message cannot be used with content_type or body';
  if (has('content_type') && !has('body')) return 'content_type requires a body';
  if (config.echo === true && (has('content_type') || has('body')))
    return 'echo cannot be used with content_type and body';
  return undefined;
}

async function access(config: JsonTable, request: RequestContext): Promise<EventOutcome> {
  if (typeof config.trigger === 'string' && !isTriggered(config.trigger, request)) return DONE;
  const status = config.status_code as number;
  if (config.echo === true) return exit(status, luaJson(await echo(config, request)), 'application/json');
  if (typeof config.body === 'string') {
    const type = typeof config.content_type === 'string' ? config.content_type : undefined;
    return exit(status, luaString(config.body), type);
  }
  const message = messageOf(config);
  if (message === undefined)
    return { kind: 'exit', response: new ExitResponse(status, undefined, undefined) };
  return exit(status, luaJson({ message }), 'application/json; charset=utf-8');
}

function messageOf(config: JsonTable): string | undefined {
  if (typeof config.message === 'string') return luaString(config.message);
  return DEFAULT_MESSAGES[config.status_code as number];
}

function isTriggered(trigger: string, request: RequestContext): boolean {
  return request.headers.first(trigger) !== undefined || trigger in queryTable(request.rawQuery, 100);
}

async function echo(config: JsonTable, request: RequestContext): Promise<LuaTable> {
  const body = await request.body.read();
  return {
    message: messageOf(config),
    request: {
      scheme: request.scheme,
      host: request.host,
      port: request.port,
      headers: request.headers.toTable(100),
      query: queryTable(request.rawQuery, 100),
      raw_body: 'content' in body ? body.content.toString('latin1') : undefined,
      method: request.method,
      path: request.path,
    },
    matched_route: request.match.route.toTable(),
    matched_service: request.match.service?.toTable(),
  };
}

function exit(status: number, body: string, contentType: string | undefined): EventOutcome {
  const headers: LuaTable = contentType === undefined ? {} : { 'content-type': luaString(contentType) };
  return { kind: 'exit', response: new ExitResponse(status, Buffer.from(body, 'latin1'), headers) };
}
