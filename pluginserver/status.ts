/**
 * The optional status page.
 *
 *     GET /                 the facts for people, and what to do
 *     GET /troubleshooting  docs/troubleshooting.md, to which it leads
 *     GET /status           facts as JSON, without secrets
 *     GET /metrics          for Prometheus: docs/monitoring.md
 *     GET /ready            200 when requests can be answered, else 503: for load balancers and orchestrators
 *     GET /live             200 while the event loop turns
 *
 * The last two are 503 in a process that drains or whose sockets another one has taken, and say so: whoever waits for a new
 * process to be ready must not be answered by the old one.
 */

import type { IncomingMessage, RequestListener } from 'node:http';
import { log } from '../bridge/telemetry/log';
import type { Metrics, MetricsType } from '../bridge/telemetry/metrics';
import { recentEvents } from '../bridge/telemetry/recent-events';
import { mayAskAs, showsToken, type AccessOptions } from '../status/access';
import { CONTENT_SECURITY_POLICY } from '../status/style';
import type { Lifecycle } from './lifecycle';
import { metricsAnswer, sendParts } from './metrics-page';
import type { Overload } from './overload';
import type { PluginProcesses } from './process-hooks';
import type { PluginServer } from './server';
import { StatusPages } from './status-pages';

export interface StatusSources {
  readonly version: string;
  readonly servers: readonly PluginServer[];
  readonly processes: PluginProcesses;
  readonly metrics: Pick<Metrics, 'scrape'>;
  readonly overload: Pick<Overload, 'status'>;
  readonly lifecycle: Pick<Lifecycle, 'draining' | 'unhandledErrors'>;
}

/** What the page is made from. */
export interface StatusView {
  collect(): Status | Promise<Status>;
  /** Of the process itself, which asks nobody for it. */
  state(): ServingState;
  scrape(type: MetricsType): Iterator<string> | Promise<Iterator<string>>;
}

/** Of the process: before it has the sockets, with them, after another one has taken them, and at its end. */
export type ServingState = 'starting' | 'serving' | 'replaced' | 'draining';

export interface Status {
  readonly ready: boolean;
  readonly state: ServingState;
  readonly draining: boolean;
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
    recent_events: recentEvents(),
  };
}

function stateOf({ servers, lifecycle }: Pick<StatusSources, 'servers' | 'lifecycle'>): ServingState {
  if (lifecycle.draining) return 'draining';
  if (servers.some((server) => server.isReplaced)) return 'replaced';
  return servers.every((server) => server.isServing) ? 'serving' : 'starting';
}

/** Never throws; where it listens is status-port.ts. */
export function statusRequests(sources: StatusSources, access: AccessOptions = OPEN): RequestListener {
  const view: StatusView = {
    collect: () => collectStatus(sources),
    state: () => stateOf(sources),
    scrape: (type) => sources.metrics.scrape(type),
  };
  return statusAnswers(view, access);
}

export function statusAnswers(view: StatusView, access: AccessOptions): RequestListener {
  const pages = new StatusPages(() => view.collect());
  return (request, response) => {
    void answerTo(request, view, access, pages).then(({ status, type = JSON_TYPE, headers, body }) => {
      response.writeHead(status, { ...FIXED_HEADERS, ...headers, 'content-type': type });
      if (typeof body === 'string') response.end(body);
      else if ('next' in body) sendParts(response, body);
      else response.end(`${JSON.stringify(body)}\n`);
    });
  };
}

interface Answer {
  readonly status: number;
  /** Default: JSON. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In parts where it is long. */
  readonly body: object | string | Iterator<string>;
}

const OPEN: AccessOptions = { host: '127.0.0.1', allowedHosts: [], token: undefined };
const JSON_TYPE = 'application/json';
const HTML_TYPE = 'text/html; charset=utf-8';
const FIXED_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

async function answerTo(
  request: IncomingMessage,
  view: StatusView,
  access: AccessOptions,
  pages: StatusPages,
): Promise<Answer> {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, headers: { allow: 'GET, HEAD' }, body: {} };
  const path = (request.url ?? '').replace(/\?.*/, '');
  try {
    const probe = await probed(path, view);
    if (probe !== undefined) return probe;
    if (!mayAskAs(headers.host, access)) {
      const message = 'This name is not one of the status page: see --status-allow-host.';
      return { status: 421, body: { message } };
    }
    if (!showsToken(headers.authorization, access)) {
      const challenge = { 'www-authenticate': 'Basic realm="status", charset="UTF-8"' };
      return {
        status: 401,
        headers: challenge,
        body: { message: 'This page wants the token of --status-token.' },
      };
    }
    return await route(path, view, pages, headers.accept);
  } catch (error) {
    log.error('the status page failed', { error });
    return { status: 500, body: {} };
  }
}

/** Probes know no token, and ask by whatever name they have; they are told no more than a word. */
async function probed(path: string, view: StatusView): Promise<Answer | undefined> {
  if (path === '/ready') {
    const { ready, state, draining } = await view.collect();
    return { status: ready ? 200 : 503, body: { ready, state, draining } };
  }
  if (path === '/live') {
    const state = view.state();
    const live = state !== 'replaced' && state !== 'draining';
    return { status: live ? 200 : 503, body: { live, state } };
  }
  return undefined;
}

async function route(path: string, view: StatusView, pages: StatusPages, accept?: string): Promise<Answer> {
  switch (path) {
    case '/':
      return { status: 200, type: HTML_TYPE, body: await pages.status() };
    case '/troubleshooting':
      return { status: 200, type: HTML_TYPE, body: pages.guide() };
    case '/status':
      return { status: 200, body: await view.collect() };
    case '/metrics':
      return metricsAnswer(view, accept);
    default:
      return { status: 404, body: {} };
  }
}
