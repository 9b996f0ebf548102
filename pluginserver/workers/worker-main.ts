/**
 * One of several workers: the plugin server without anything that a node has once. Sockets come from the primary, which also
 * ends it; signals are the primary's.
 */
// Before anything can start libuv's thread pool.
import '../../bridge/thread-pool-size';
import '../full-collections';
import { WORKER } from '../../common/worker';
import { bytesInFlight } from '../../bridge/bytes-in-flight';
import { accessLog } from '../../bridge/telemetry/access-log';
import { log, setLogFormat, setLogLevel, setLogWorker, toggleDebug } from '../../bridge/telemetry/log';
import { Metrics } from '../../bridge/telemetry/metrics';
import { SocketPathError, type SocketName } from '../../listener/socket-path';
import { watchEventLoop } from '../event-loop-lag';
import { END_SIGNALS, Lifecycle } from '../lifecycle';
import { surviveLostOutput } from '../lost-output';
import { parseOptions, type ServeOptions } from '../options';
import { Overload } from '../overload';
import { loadOrExplain, type LoadedPlugin } from '../plugin-loader';
import { PluginProcesses } from '../process-hooks';
import { PluginServer } from '../server';
import { ServerMetrics } from '../server-metrics';
import { collectStatus } from '../status';
import { startTicker } from '../ticker';
import { version } from '../version';
import { dividedLimits } from './limits';
import { servedBy } from './placement';
import type { OfPrimary, OfWorkers, PluginFacts } from './questions';
import { withoutReruns } from './rerun-guard';
import { Talk, type Answers } from './talk';
import { workerListeners, workerReachedAt } from './worker-listeners';
import { seriesOf } from './worker-metrics';

/** What the primary has bound, under a name that it looks after. */
class GivenSocket implements SocketName {
  readonly holder = 'own';
  readonly owned = true;
  fd: number | undefined;

  constructor(readonly path: string) {}

  prepare(): { readonly fd: number } {
    if (this.fd === undefined) throw this.error('the primary has not given it');
    return { fd: this.fd };
  }

  claim(): void {}

  release(): void {}

  error(reason: string): SocketPathError {
    return new SocketPathError(`Cannot listen on ${this.path}: ${reason}.`);
  }
}

interface Seat {
  readonly server: PluginServer;
  readonly socket: GivenSocket;
  isListening: boolean;
}

function main(): void {
  surviveLostOutput();
  // They are for the primary, and whoever ends a group of processes sends them to all.
  for (const signal of [...END_SIGNALS, 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
  const options = parseOptions(process.argv.slice(2)) as ServeOptions;
  setLogLevel(options.logLevel);
  setLogFormat(options.logFormat);
  setLogWorker(WORKER.number);
  accessLog.isOn = options.accessLog;
  run(options);
}

function run(options: ServeOptions): void {
  const plugins = options.plugins.map(({ folder }) => loadOrExplain(folder));
  const overload = new Overload(dividedLimits(options.limits, WORKER), bytesInFlight);
  const socketPaths = new Map(plugins.map((plugin, index) => [plugin, options.plugins[index]!.socketPath]));
  const seats = new Map(
    servedBy(WORKER.number, plugins).map((plugin) => {
      const socket = new GivenSocket(socketPaths.get(plugin)!);
      const server = new PluginServer({
        plugin: withoutReruns(plugin),
        socketPath: socket.path,
        overload,
        node: nodeOf(plugin.name, socket),
      });
      // Until the name of the socket is taken.
      server.hold();
      return [plugin.name, { server, socket, isListening: false } satisfies Seat];
    }),
  );
  const servers = [...seats.values()].map(({ server }) => server);
  const processes = new PluginProcesses(plugins);
  const httpListeners = workerListeners(WORKER.number, options, processes.httpRoutes);
  const lifecycle = new Lifecycle({
    servers,
    processes,
    managed: options.managed,
    drainTimeoutMs: options.drainTimeoutMs,
    exit: (code) => process.exit(code),
    onClose: () => {
      for (const listener of httpListeners) void listener.serve(false);
    },
  });
  lifecycle.catchStrays();
  const serverMetrics = new ServerMetrics({ version: version(), servers, overload });
  const metrics = new Metrics([serverMetrics, ...processes.metrics()]);
  const serveHttp = (): void => {
    const isReplaced = servers.some((server) => server.isReplaced);
    for (const listener of httpListeners)
      void listener.serve(!lifecycle.draining && !(isReplaced && listener.isPort));
  };
  let wereReleased = false;

  const answers: Answers<OfWorkers> = {
    listen: ({ plugin }, handle) => listen(seats.get(plugin)!, (handle as { readonly fd: number }).fd),
    start: ({ plugins: names }) => {
      const working = plugins.filter(({ name, failure }) => failure === undefined && names.includes(name));
      processes.start(
        working.map(({ name }) => name).filter((name) => seats.has(name)),
        () => workerReachedAt(WORKER.number, options, httpListeners),
        // Without the primary this worker ends.
        (plugin, news) => primary.ask('tellOthers', { plugin, news }).catch(() => undefined),
      );
    },
    release: ({ plugin }) => {
      seats.get(plugin)?.server.release();
      wereReleased = true;
      serveHttp();
    },
    adopt: ({ plugin, ...instance }) => seats.get(plugin)?.server.adoptInstance(instance),
    retire: ({ plugin, id }) => seats.get(plugin)?.server.retireInstance(id),
    giveUp: async ({ plugin, isFollowed }) => {
      await seats.get(plugin)?.server.giveUp(isFollowed);
      serveHttp();
    },
    told: ({ plugin, news }) => processes.told(plugin, news),
    end: ({ signal }) => lifecycle.onSignal(signal),
    toggleDebug: () => toggleDebug(),
    status: () => ({
      ...collectStatus({ version: version(), servers, processes, lifecycle, overload, metrics }),
      processes: processes.status(),
    }),
    metrics: () => seriesOf(metrics.page()),
    ping: () => undefined,
  };
  primary.serve(answers);
  primary.tell('hello', { plugins: plugins.map(factsOf) });
  process.once('disconnect', () => {
    if (lifecycle.draining) return;
    log.error('the primary process is gone; this worker ends');
    for (const server of servers) server.stopAccepting();
    lifecycle.onSignal('primary gone');
  });
  startTicker([...servers, overload, { onTick: () => wereReleased && serveHttp() }]);
  watchEventLoop((lagMs) => {
    overload.onLagSample(lagMs);
    serverMetrics.onLagSample(lagMs);
  });
}

/** @param fd of a socket that is bound: the one that came before goes. */
async function listen(seat: Seat, fd: number): Promise<void> {
  seat.socket.fd = fd;
  if (seat.isListening) {
    // The name was another process's for a while: events begin here again.
    await seat.server.bindAgain();
    seat.server.claim();
  } else await seat.server.bind();
  seat.isListening = true;
}

function nodeOf(plugin: string, socket: GivenSocket) {
  return {
    socket,
    startInstance: (name: string, config: Buffer) => primary.ask('startInstance', { plugin, name, config }),
    retireInstance: (id: number) => primary.tell('retireInstance', { plugin, id }),
    onInstanceClosed: (id: number) => primary.tell('instanceClosed', { plugin, id }),
    handOver: (isFollowed: boolean, wantedStatusPort: number | undefined) =>
      primary.ask('handOver', { plugin, isFollowed, wantedStatusPort }),
  };
}

function factsOf({
  failure,
  name,
  version: ofPlugin,
  priority,
  continues,
  oneProcess,
}: LoadedPlugin): PluginFacts {
  const facts = { name, version: ofPlugin, priority, continues };
  return { ...facts, ...(oneProcess && { oneProcess }), ...(failure !== undefined && { failure }) };
}

/** The way to the primary. It answers nothing until everything is there that questions are about. */
const primary = {
  talk: undefined as Talk<OfPrimary, OfWorkers> | undefined,
  serve(answers: Answers<OfWorkers>): void {
    this.talk = new Talk<OfPrimary, OfWorkers>(
      {
        send: (message, handle, onSent) => process.send!(message, handle as never, {}, onSent),
        onMessage: (listener) => process.on('message', listener),
      },
      answers,
    );
    process.once('disconnect', () => this.talk?.end());
  },
  ask<K extends keyof OfPrimary>(kind: K, asked: Parameters<OfPrimary[K]>[0]) {
    return this.talk!.ask(kind, asked as never);
  },
  tell<K extends keyof OfPrimary>(kind: K, asked: Parameters<OfPrimary[K]>[0]): void {
    this.talk!.tell(kind, asked as never);
  },
};

main();
