/**
 * Kong's entry under the names of the Elastic Common Schema; what has no name there stays under `kong`.
 * Fields as of ECS 8.17, all of them older than that.
 */
import { isObject, objectIn, type Json, type JsonObject } from './entry';

const ECS_VERSION = '8.17.0';
const NANOSECONDS_PER_MS = 1_000_000;

export function toEcs(entry: JsonObject): JsonObject {
  const request = objectIn(entry, 'request') ?? {};
  const response = objectIn(entry, 'response') ?? {};
  const latencies = objectIn(entry, 'latencies') ?? {};
  const requestHeaders = objectIn(request, 'headers') ?? {};
  const startedAt = entry.started_at;
  const status = response.status;
  const durationMs = latencies.request;
  return compact({
    '@timestamp': typeof startedAt === 'number' ? isoTime(startedAt) : undefined,
    ecs: { version: ECS_VERSION },
    event: {
      kind: 'event',
      category: ['web'],
      type: ['access'],
      dataset: 'kong.access',
      outcome: typeof status === 'number' ? (status < 400 ? 'success' : 'failure') : 'unknown',
      duration: typeof durationMs === 'number' ? durationMs * NANOSECONDS_PER_MS : undefined,
    },
    http: {
      request: {
        id: request.id,
        method: request.method,
        bytes: request.size,
        referrer: requestHeaders.referer,
      },
      response: { status_code: status, bytes: response.size },
    },
    url: urlOf(request),
    source: { ip: entry.client_ip },
    client: { ip: entry.client_ip },
    user: userOf(objectIn(entry, 'consumer')),
    user_agent: { original: requestHeaders['user-agent'] },
    service: { name: objectIn(entry, 'service')?.name },
    tls: tlsOf(objectIn(request, 'tls')),
    trace: { id: traceOf(entry.trace_id) },
    kong: {
      correlation_id: entry.correlation_id,
      request: { headers: request.headers, querystring: request.querystring },
      response: { headers: response.headers },
      ...withoutMoved(entry),
    },
  });
}

/** Members of the entry that have another place in the record. */
const MOVED = new Set(['request', 'response', 'client_ip', 'started_at', 'correlation_id', 'trace_id']);

function withoutMoved(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !MOVED.has(name)));
}

function isoTime(ms: number): string | undefined {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function urlOf(request: JsonObject): Fields {
  const { uri, url } = request;
  if (typeof uri !== 'string') return { full: url };
  const mark = uri.indexOf('?');
  return {
    original: uri,
    full: url,
    path: mark < 0 ? uri : uri.slice(0, mark),
    query: mark < 0 ? undefined : uri.slice(mark + 1),
  };
}

function userOf(consumer: JsonObject | undefined): Fields {
  return { id: consumer?.id, name: consumer?.username ?? consumer?.custom_id };
}

/** Kong: `TLSv1.3`; ECS has the number and the name apart. */
function tlsOf(tls: JsonObject | undefined): Fields {
  const [, version] = /^TLSv(.+)$/.exec(typeof tls?.version === 'string' ? tls.version : '') ?? [];
  return { cipher: tls?.cipher, version, version_protocol: version === undefined ? undefined : 'tls' };
}

function traceOf(trace: Json | undefined): Json | undefined {
  if (!isObject(trace)) return trace;
  return Object.values(trace).find((id) => typeof id === 'string');
}

interface Fields {
  readonly [name: string]: Json | undefined | Fields;
}

/** Without what is missing, and without objects that have nothing left. */
function compact(fields: Fields): JsonObject {
  const kept: [string, Json][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!isObject(value)) kept.push([name, value as Json]);
    else {
      const inner = compact(value);
      if (Object.keys(inner).length > 0) kept.push([name, inner]);
    }
  }
  return Object.fromEntries(kept);
}
