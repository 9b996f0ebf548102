#!/usr/bin/env node
// Before anything can start libuv's thread pool.
import '../bridge/thread-pool-size';
import './full-collections';
import type { RequestListener } from 'node:http';
import { bytesInFlight } from '../bridge/bytes-in-flight';
import { accessLog } from '../bridge/telemetry/access-log';
import { log, setLogFormat, setLogLevel } from '../bridge/telemetry/log';
import { Metrics } from '../bridge/telemetry/metrics';
import type { AccessOptions } from '../status/access';
import { watchEventLoop } from './event-loop-lag';
import { HttpListener } from '../listener/http-listener';
import { LateSockets } from './late-sockets';
import { END_SIGNALS, Lifecycle, obeyLogSignals, watchParent } from './lifecycle';
import { surviveLostOutput } from './lost-output';
import { parseOptions, USAGE, UsageError, type ServeOptions } from './options';
import { Overload } from './overload';
import { loadOrExplain, refuseSameName } from './plugin-loader';
import { PluginProcesses } from './process-hooks';
import { reachedAt } from './reached-at';
import { PluginServer } from './server';
import { ServerMetrics } from './server-metrics';
import { statusRequests } from './status';
import { StatusPort } from './status-port';
import { TakeBack } from './take-back';
import { takeOver } from './take-over';
import { startTicker } from './ticker';
import { version } from './version';
import { servePrimary } from './workers/primary';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(args: readonly string[]): Promise<void> {
  surviveLostOutput();
  obeyLogSignals();
  const options = parseOptions(args);
  switch (options.command) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return;
    case 'hold':
      hold();
      return;
    case 'serve':
      await (options.workers > 1 ? serveWithWorkers(options, args) : serve(options));
      return;
  }
}

async function serveWithWorkers(options: ServeOptions, args: readonly string[]): Promise<void> {
  await servePrimary({ options, args, version: version(), access: accessOf(options), explainUnserved });
}

async function serve(options: ServeOptions): Promise<void> {
  setLogLevel(options.logLevel);
  setLogFormat(options.logFormat);
  accessLog.isOn = options.accessLog;
  const plugins = options.plugins.map(({ folder }) => loadOrExplain(folder));
  refuseSameName(plugins.map((plugin) => plugin.name));
  const overload = new Overload(options.limits, bytesInFlight);
  const servers = plugins.map((plugin, index) => {
    const { socketPath } = options.plugins[index] as ServeOptions['plugins'][number];
    const onReplaced = async (wantedPort: number): Promise<void> => statusPort?.yieldTo(wantedPort);
    return new PluginServer({ plugin, socketPath, overload, onReplaced });
  });
  const processes = new PluginProcesses(plugins);
  const lateSockets = new LateSockets<PluginServer>(
    (server) => startHooks([...served, server]),
    () => lifecycle.draining || servers.some((server) => server.isReplaced),
  );
  const { managed, drainTimeoutMs } = options;
  const lifecycle = new Lifecycle({
    servers,
    processes,
    managed,
    drainTimeoutMs,
    exit: (code) => process.exit(code),
    onClose: () => {
      statusPort?.close();
      for (const listener of httpListeners) void listener.serve(false);
    },
  });
  const serverMetrics = new ServerMetrics({ version: version(), servers, overload });
  const metrics = new Metrics([serverMetrics, ...processes.metrics()]);
  const sources = { version: version(), servers, processes, lifecycle, overload, metrics };
  const httpListeners = options.httpListen.map(
    (address) => new HttpListener({ address, routes: processes.httpRoutes }),
  );
  const statusPort = statusPortOf(options, statusRequests(sources, accessOf(options)));
  let served: readonly PluginServer[] = [];
  const startHooks = (bound: readonly PluginServer[]): void => {
    served = bound;
    const working = bound.filter(({ plugin }) => plugin.failure === undefined);
    processes.start(
      working.map((server) => server.pluginName),
      () => reachedAt(options.httpAdvertise, httpListeners),
    );
  };

  // Before listening: whoever sees the sockets may rely on signals being obeyed.
  lifecycle.install();
  try {
    await statusPort?.tryToListen();
    const wantedStatusPort = statusPort?.isListening === false ? statusPort.port : undefined;
    const unbound = await takeOver(servers, { wantedStatusPort, onBound: startHooks });
    explainUnserved(servers, unbound);
    lateSockets.watch(unbound);
  } catch (error) {
    statusPort?.close();
    for (const server of servers) server.close();
    throw error;
  }
  void statusPort?.keepTrying();
  for (const listener of httpListeners) void listener.serve(true);
  const takeBack = new TakeBack({
    servers,
    isDraining: () => lifecycle.draining,
    onTakenBack: () => void statusPort?.keepTrying(),
  });
  // A successor waits for a port; a Unix socket it has taken by itself.
  const http = {
    onTick: () => {
      const isReplaced = servers.some((server) => server.isReplaced);
      for (const listener of httpListeners)
        void listener.serve(!lifecycle.draining && !(isReplaced && listener.isPort));
    },
  };
  startTicker([...servers, overload, takeBack, http]);
  watchEventLoop((lagMs) => {
    overload.onLagSample(lagMs);
    serverMetrics.onLagSample(lagMs);
  });
}

function accessOf({ statusHost, statusAllowedHosts, statusToken }: ServeOptions): AccessOptions {
  return { host: statusHost, allowedHosts: statusAllowedHosts, token: statusToken };
}

function statusPortOf(
  { statusPort: port, statusHost: host, statusToken: token }: ServeOptions,
  onRequest: RequestListener,
): StatusPort | undefined {
  return port === undefined ? undefined : new StatusPort({ port, host, token, onRequest });
}

function explainUnserved(
  servers: readonly { readonly plugin: { readonly name: string; readonly failure?: string | undefined } }[],
  unbound: readonly { readonly pluginName: string; readonly socketPath: string }[],
): void {
  for (const { plugin } of servers) {
    if (plugin.failure === undefined) continue;
    log.error('a plugin cannot be served; its requests are answered with 500, the others go on', {
      plugin: plugin.name,
      reason: plugin.failure,
    });
  }
  for (const { pluginName, socketPath } of unbound) {
    log.error('a socket cannot be bound; it is tried again, the others are served', {
      plugin: pluginName,
      socket: socketPath,
    });
  }
}

/** For Kong's second managed entry: OSS 3.4 never runs a plugin whose entry has no start command. */
function hold(): void {
  const end = (): void => process.exit(0);
  for (const signal of END_SIGNALS) process.on(signal, end);
  watchParent(end);
  log.info('holding until SIGTERM or the end of the parent');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const failure = error instanceof Error ? error : new Error(String(error));
  log.debug('the plugin server cannot start', { error: failure });
  process.stderr.write(`${failure.message}\n`);
  process.exit(failure instanceof UsageError ? EXIT_USAGE : EXIT_FAILED);
});
