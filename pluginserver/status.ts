/**
 * The optional status page.
 *
 *     GET /status   facts as JSON, without secrets
 *     GET /ready    200 when requests can be answered, else 503: for load balancers and orchestrators
 *     GET /live     200 while the event loop turns
 *     GET /metrics  for Prometheus: docs/monitoring.md
 *
 * Both are 503 in a process that drains or whose sockets another one has taken, and say so: whoever waits for a new
 * process to be ready must not be answered by the old one.
 */

import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from 'node:http';
import { log } from '../bridge/telemetry/log';
import type { Metrics } from '../bridge/telemetry/metrics';
import type { Lifecycle } from './lifecycle';
import { metricsAnswer, sendParts } from './metrics-page';
import type { Overload } from './overload';
import type { PluginProcesses } from './process-hooks';
import type { PluginServer } from './server';

export interface StatusSources {
  readonly version: string;
  readonly servers: readonly PluginServer[];
  readonly processes: PluginProcesses;
  readonly metrics: Pick<Metrics, 'scrape'>;
  readonly overload: Pick<Overload, 'status'>;
  readonly lifecycle: Pick<Lifecycle, 'draining' | 'unhandledErrors'>;
}

/** Of the process: before it has the sockets, with them, after another one has taken them, and at its end. */
export type ServingState = 'starting' | 'serving' | 'replaced' | 'draining';

export interface Status {
  readonly ready: boolean;
  readonly state: ServingState;
  readonly [fact: string]: unknown;
}

export function collectStatus({ version, servers, processes, lifecycle, overload }: StatusSources): Status {
  const processStatus = processes.status();
  const plugins: Record<string, unknown> = {};
  const state = stateOf({ servers, lifecycle });
  let ready = state === 'serving';
  for (const server of servers) {
    const served = server.status();
    const own = processStatus[server.pluginName];
    plugins[server.pluginName] = own === undefined ? served : { ...served, process: own };
    if (!served.socket_owned || served.failure !== undefined || own?.ready === false) ready = false;
  }
  return {
    ready,
    state,
    draining: lifecycle.draining,
    pid: process.pid,
    version,
    uptime_seconds: Math.floor(process.uptime()),
    memory_rss_bytes: process.memoryUsage.rss(),
    unhandled: lifecycle.unhandledErrors,
    load: overload.status(),
    broken_configurations: servers.flatMap((server) => server.brokenConfigurations()),
    plugins,
  };
}

function stateOf({ servers, lifecycle }: Pick<StatusSources, 'servers' | 'lifecycle'>): ServingState {
  if (lifecycle.draining) return 'draining';
  if (servers.some((server) => server.isReplaced)) return 'replaced';
  return servers.every((server) => server.isServing) ? 'serving' : 'starting';
}

/** Answers at once and never throws; where it listens is status-port.ts. */
export function statusRequests(sources: StatusSources): RequestListener {
  return (request, response) => {
    const [code, body, contentType = 'application/json'] = answerTo(request, sources);
    response.writeHead(code, { 'content-type': contentType, 'cache-control': 'no-store' });
    if ('next' in body) sendParts(response, body);
    else response.end(`${JSON.stringify(body)}\n`);
  };
}

function answerTo({ method, url, headers }: IncomingMessage, sources: StatusSources): Answer {
  if (method !== 'GET' && method !== 'HEAD') return [405, {}];
  try {
    return route(url ?? '', headers, sources);
  } catch (error) {
    log.error('the status page failed', { error });
    return [500, {}];
  }
}

type Answer = readonly [code: number, body: object | Iterator<string>, contentType?: string];

function route(url: string, { accept }: IncomingHttpHeaders, sources: StatusSources): Answer {
  switch (url.replace(/\?.*/, '')) {
    case '/status':
      return [200, collectStatus(sources)];
    case '/ready': {
      const { ready, state, draining } = collectStatus(sources);
      return [ready ? 200 : 503, { ready, state, draining }];
    }
    case '/live': {
      const state = stateOf(sources);
      const live = state !== 'replaced' && state !== 'draining';
      return [live ? 200 : 503, { live, state }];
    }
    case '/metrics':
      return metricsAnswer(sources.metrics, accept);
    default:
      return [404, {}];
  }
}
