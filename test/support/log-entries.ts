/** A log entry as Kong 3.9.3 has it. */
import type { JsonObject } from '../../bridge/log-entry/entry';
import type { ShapeOptions } from '../../bridge/log-entry/record-shape';

export interface EntryParts {
  readonly requestHeaders?: JsonObject;
  readonly responseHeaders?: JsonObject;
  readonly querystring?: JsonObject;
  readonly uri?: string;
  readonly status?: number;
  readonly more?: JsonObject;
}

export function logEntry(parts: EntryParts = {}): JsonObject {
  const uri = parts.uri ?? '/orders';
  return {
    request: {
      id: 'f652d94333c23a1f1a6859573376d516',
      method: 'POST',
      uri,
      url: `http://gateway:8000${uri}`,
      querystring: parts.querystring ?? {},
      headers: { host: 'gateway:8000', 'user-agent': 'curl/7.88.1', ...parts.requestHeaders },
      size: 211,
    },
    upstream_uri: uri,
    upstream_status: '200',
    response: { status: parts.status ?? 200, headers: { ...parts.responseHeaders }, size: 324 },
    latencies: { kong: 3, proxy: 12, request: 15, receive: 0 },
    tries: [{ ip: '10.0.0.7', port: 9100 }],
    service: { id: 'dea4c45f', name: 'orders', host: 'orders.internal', port: 9100, retries: 5 },
    route: { id: 'f3ef8bde', name: 'orders-route', paths: ['/orders'], service: { id: 'dea4c45f' } },
    client_ip: '10.1.2.3',
    started_at: 1795244145985,
    source: 'upstream',
    workspace_name: 'default',
    ...parts.more,
  };
}

export function entryBytes(parts?: EntryParts): Buffer {
  return Buffer.from(JSON.stringify(logEntry(parts)));
}

/** Nothing is asked of the entry. */
export const UNTOUCHED: ShapeOptions = {
  topic: 'logs',
  allowedTopics: [],
  format: 'kong',
  entities: 'full',
  customFields: {},
  include: [],
  exclude: [],
  redact: [],
  sampleRate: 1,
  onlyStatus: [],
  maxRecordBytes: 262_144,
};
