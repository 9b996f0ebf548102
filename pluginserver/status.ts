/**
 * The optional status page.
 *
 *     GET /status   facts as JSON, without secrets
 *     GET /ready    200 when requests can be answered, else 503: for load balancers and orchestrators
 *     GET /live     200 while the event loop turns
 */

import { createServer, type Server } from 'node:http';
import { log } from '../bridge/telemetry/log';
import type { Lifecycle } from './lifecycle';
import type { Overload } from './overload';
import type { PluginProcesses } from './process-hooks';
import type { PluginServer } from './server';

export interface StatusSources {
  readonly version: string;
  readonly servers: readonly PluginServer[];
  readonly processes: PluginProcesses;
  readonly overload: Pick<Overload, 'status'>;
  readonly lifecycle: Pick<Lifecycle, 'draining' | 'unhandledErrors'>;
}

export interface Status {
  readonly ready: boolean;
  readonly [fact: string]: unknown;
}

export function collectStatus({ version, servers, processes, lifecycle, overload }: StatusSources): Status {
  const processStatus = processes.status();
  const plugins: Record<string, unknown> = {};
  let ready = !lifecycle.draining;
  for (const server of servers) {
    const served = server.status();
    const own = processStatus[server.pluginName];
    plugins[server.pluginName] = own === undefined ? served : { ...served, process: own };
    if (!served.socket_owned || server.isHolding || own?.ready === false) ready = false;
  }
  return {
    ready,
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

/** @throws Error with one sentence for the operator when the address cannot be listened on */
export async function startStatusPage(sources: StatusSources, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    const answer =
      request.method === 'GET' || request.method === 'HEAD' ? route(request.url ?? '', sources) : 405;
    const [code, body] = typeof answer === 'number' ? [answer, {}] : answer;
    response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(body)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new Error(`Cannot serve the status page on ${host}:${port}: ${error.message}.`, { cause: error }),
      );
    });
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => log.error('the status page failed', { error }));
  // Sockets that wait for requests must not delay the end of the process.
  server.unref();
  return server;
}

function route(url: string, sources: StatusSources): number | [code: number, body: object] {
  switch (url.replace(/\?.*/, '')) {
    case '/status':
      return [200, collectStatus(sources)];
    case '/ready': {
      const { ready, draining } = collectStatus(sources);
      return [ready ? 200 : 503, { ready, draining }];
    }
    case '/live':
      return [200, { live: true }];
    default:
      return 404;
  }
}
