/**
 * The process that holds several workers together: it has the flags, the sockets' names, the status page and the signals,
 * and no request ever comes here. Kong's connections go from the kernel straight to the workers.
 */
import { randomBytes } from 'node:crypto';
import { log, setLogFormat, setLogLevel } from '../../bridge/telemetry/log';
import { NODE_SECRET_VARIABLE } from '../../common/worker';
import { recentEvents } from '../../bridge/telemetry/recent-events';
import type { MetricsPage, MetricsType } from '../../bridge/telemetry/metrics';
import type { AccessOptions } from '../../status/access';
import { LateSockets } from '../late-sockets';
import { catchStrays, END_SIGNALS, watchParent } from '../lifecycle';
import type { ServeOptions } from '../options';
import { refuseSameName } from '../plugin-loader';
import { statusAnswers, type ServingState, type Status } from '../status';
import { StatusPort } from '../status-port';
import { TakeBack } from '../take-back';
import { takeOver } from '../take-over';
import { startTicker } from '../ticker';
import { Crew, PING_INTERVAL_MS } from './crew';
import { InstanceStore } from './instance-store';
import { nodeStatus, type NodeFacts } from './node-status';
import { FIRST_WORKER, servedBy, servedTogether } from './placement';
import type { OfPrimary } from './questions';
import { SharedSocket } from './shared-socket';
import { inTime, type Answers } from './talk';
import { mergedPage, WORKER_RESTARTS, WORKERS } from './worker-metrics';
import type { WorkerProcess } from './worker-process';

export interface PrimaryOptions {
  readonly options: ServeOptions;
  /** The command line: workers read it as well. */
  readonly args: readonly string[];
  readonly version: string;
  readonly access: AccessOptions;
  readonly explainUnserved: (
    served: readonly { readonly plugin: { readonly name: string; readonly failure?: string | undefined } }[],
    unbound: readonly SharedSocket[],
  ) => void;
}

/**
 * An event that meets a worker without its instance is run again by Kong; a start of one does not wait longer for that. Nor
 * does who has news for the others.
 */
const ADOPT_TIMEOUT_MS = 2000;
/** Of the lag at which an event loop counts as late. */
const STUCK_FACTOR = 20;
/** The workers' own bounds, after they have waited for requests: closing, and connections that Kong has to drop. */
const END_TIMEOUT_MS = 100_000;
/** Tickets of a worker are good in the one that replaces it, and ids of results in all. */
const SECRET_BYTES = 32;
const FAILOVER_SECRET_VARIABLE = 'KONG_KAFKA_FAILOVER_SECRET';

export async function servePrimary(options: PrimaryOptions): Promise<void> {
  setLogLevel(options.options.logLevel);
  setLogFormat(options.options.logFormat);
  const primary = new Primary(options);
  await primary.serve();
}

class Primary {
  readonly #options: PrimaryOptions;
  readonly #crew: Crew;
  readonly #store = new InstanceStore();
  readonly #unhandled = { rejections: 0, exceptions: 0 };
  readonly #statusPort: StatusPort | undefined;
  #sockets: readonly SharedSocket[] = [];
  #isEnding = false;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    const { workers, limits, statusPort: port, statusHost: host, statusToken: token } = options.options;
    this.#crew = new Crew({
      count: workers,
      args: options.args,
      env: {
        ...process.env,
        [FAILOVER_SECRET_VARIABLE]:
          process.env[FAILOVER_SECRET_VARIABLE] || randomBytes(SECRET_BYTES).toString('hex'),
        [NODE_SECRET_VARIABLE]: randomBytes(SECRET_BYTES).toString('hex'),
      },
      stuckAfterMs: limits.maxEventLoopLagMs * STUCK_FACTOR,
      answersFor: (worker) => this.#answersFor(worker),
      onLoaded: (worker) => this.#equip(worker),
      onEnded: (worker) => this.#store.workerEnded(worker),
    });
    const view = {
      collect: () => this.#status(),
      state: () => this.#state(),
      scrape: (type: MetricsType) => this.#scrape(type),
    };
    if (port !== undefined)
      this.#statusPort = new StatusPort({
        port,
        host,
        token,
        onRequest: statusAnswers(view, options.access),
      });
  }

  async serve(): Promise<void> {
    this.#obeySignals();
    try {
      await this.#crew.start();
      const { plugins } = this.#crew;
      refuseSameName(plugins.map(({ name }) => name));
      this.#sockets = plugins.map(
        (plugin, index) =>
          new SharedSocket({
            plugin,
            socketPath: this.#options.options.plugins[index]!.socketPath,
            give: (socket) => this.#give(socket),
            open: (socket) => this.#open(socket),
          }),
      );
      this.#tellPlacement();
      await this.#takeSockets();
    } catch (error) {
      this.#crew.stopReplacing();
      this.#crew.kill();
      this.#statusPort?.close();
      for (const socket of this.#sockets) socket.close();
      throw error;
    }
    void this.#statusPort?.keepTrying();
    const takeBack = new TakeBack({
      servers: this.#sockets,
      isDraining: () => this.#isEnding,
      onTakenBack: () => {
        for (const socket of this.#sockets) socket.release();
        this.#crew.replaceAgain();
        void this.#statusPort?.keepTrying();
      },
    });
    startTicker([takeBack]);
    startTicker([{ onTick: () => this.#crew.watch() }], PING_INTERVAL_MS);
  }

  async #takeSockets(): Promise<void> {
    const statusPort = this.#statusPort;
    await statusPort?.tryToListen();
    const wantedStatusPort = statusPort?.isListening === false ? statusPort.port : undefined;
    const lateSockets = new LateSockets<SharedSocket>(
      () => undefined,
      () => this.#isEnding || this.#isReplaced,
    );
    const unbound = await takeOver(this.#sockets, {
      wantedStatusPort,
      onBound: async () => {
        await Promise.all(this.#crew.all().map((worker) => this.#equip(worker)));
      },
    });
    this.#options.explainUnserved(this.#sockets, unbound);
    lateSockets.watch(unbound);
  }

  #tellPlacement(): void {
    const together = servedTogether(this.#crew.plugins).map(({ name }) => name);
    if (together.length === 0) return;
    log.info('plugins that pass requests to each other are served by one worker', {
      plugins: together,
      worker: FIRST_WORKER,
    });
  }

  // ---- What workers are told -------------------------------------------------------------------------------

  /** Everything that a worker needs to serve, in the order in which it needs it. */
  async #equip(worker: WorkerProcess): Promise<void> {
    const { talk, number } = worker;
    worker.isTold = true;
    const plugins = servedBy(number, this.#crew.plugins).map(({ name }) => name);
    const sockets = this.#sockets.filter(
      ({ pluginName, handle }) => handle !== undefined && plugins.includes(pluginName),
    );
    await Promise.all(
      sockets.map(({ pluginName, handle }) => talk.ask('listen', { plugin: pluginName }, handle)),
    );
    // Before the first instance: some plugins are another one where their other half is served as well.
    await talk.ask('start', { plugins: sockets.map(({ pluginName }) => pluginName) });
    await Promise.all(
      plugins.flatMap((plugin) =>
        this.#store.takenBy(number, plugin).map((instance) => talk.ask('adopt', { plugin, ...instance })),
      ),
    );
    for (const { pluginName, isOpen } of sockets) if (isOpen) talk.tell('release', { plugin: pluginName });
    this.#crew.onServing(worker);
  }

  /** A socket that was bound later, or anew. */
  async #give({ pluginName: plugin, handle }: SharedSocket): Promise<void> {
    const served = this.#sockets
      .filter((socket) => socket.handle !== undefined)
      .map(({ pluginName }) => pluginName);
    await Promise.all(
      this.#crew.serving(plugin).map(async ({ talk, number }) => {
        try {
          await talk.ask('listen', { plugin }, handle);
          await talk.ask('start', { plugins: served });
        } catch (error) {
          log.warn('a socket could not be given to a worker', {
            plugin,
            worker: number,
            reason: String(error),
          });
        }
      }),
    );
  }

  #open({ pluginName: plugin }: SharedSocket): void {
    for (const { talk } of this.#crew.serving(plugin)) talk.tell('release', { plugin });
  }

  // ---- What workers ask ------------------------------------------------------------------------------------

  #answersFor(worker: number): Omit<Answers<OfPrimary>, 'hello'> {
    return {
      startInstance: ({ plugin, name, config }) => this.#startInstance(plugin, name, config),
      retireInstance: ({ plugin, id }) => {
        this.#store.retire(plugin, id);
        for (const { talk, number } of this.#crew.serving(plugin))
          if (number !== worker) talk.tell('retire', { plugin, id });
      },
      instanceClosed: ({ plugin, id }) => this.#store.closed(plugin, id, worker),
      tellOthers: (asked) => this.#tellOthers(worker, asked),
      handOver: ({ plugin, isFollowed, wantedStatusPort }) =>
        this.#handOver(plugin, isFollowed, wantedStatusPort),
    };
  }

  /** Resolves when all workers have it, those apart that do not answer. */
  async #startInstance(plugin: string, name: string, config: Buffer): Promise<number> {
    const workers = this.#crew.serving(plugin);
    const instance = this.#store.add(
      plugin,
      name,
      config,
      workers.map(({ number }) => number),
    );
    await Promise.all(
      workers.map(({ talk }) => inTime(ADOPT_TIMEOUT_MS, talk.ask('adopt', { plugin, ...instance }))),
    );
    return instance.id;
  }

  /** Resolves when all others know, those apart that do not answer. */
  async #tellOthers(
    worker: number,
    news: { readonly plugin: string; readonly news: unknown },
  ): Promise<void> {
    const others = this.#crew.all().filter(({ number, isTold }) => isTold && number !== worker);
    await Promise.all(others.map(({ talk }) => inTime(ADOPT_TIMEOUT_MS, talk.ask('told', news))));
  }

  async #handOver(
    plugin: string,
    isFollowed: boolean,
    wantedStatusPort: number | undefined,
  ): Promise<boolean> {
    const socket = this.#sockets.find(({ pluginName }) => pluginName === plugin);
    if (socket?.giveUp() !== true) return false;
    this.#crew.stopReplacing();
    await Promise.all(
      this.#crew
        .serving(plugin)
        .map(({ talk }) => talk.ask('giveUp', { plugin, isFollowed }).catch(() => undefined)),
    );
    if (!isFollowed && wantedStatusPort !== undefined) await this.#statusPort?.yieldTo(wantedStatusPort);
    return true;
  }

  // ---- Its end ---------------------------------------------------------------------------------------------

  #obeySignals(): void {
    catchStrays(this.#unhandled);
    for (const signal of END_SIGNALS) process.on(signal, () => this.#onSignal(signal));
    // The primary's own log is switched where all signals of the log are obeyed.
    process.on('SIGUSR2', () => {
      for (const { talk } of this.#crew.all()) talk.tell('toggleDebug', undefined);
    });
    if (this.#options.options.managed)
      watchParent(() => {
        if (!this.#isEnding) this.#onSignal('parent gone');
      });
  }

  /** The first signal ends in order, the second at once. */
  #onSignal(signal: string): void {
    if (this.#isEnding) {
      log.warn('second signal, ending at once', { signal });
      this.#crew.kill();
      process.exit(1);
    }
    this.#isEnding = true;
    // First of all: what waits in a managed server has 55 ms to be answered.
    for (const { talk } of this.#crew.all()) talk.tell('end', { signal });
    this.#crew.stopReplacing();
    void this.#end(signal);
  }

  async #end(signal: string): Promise<void> {
    const { drainTimeoutMs } = this.#options.options;
    log.info('draining', { signal, workers: this.#crew.all().length, drain_timeout_ms: drainTimeoutMs });
    await inTime(drainTimeoutMs + END_TIMEOUT_MS, this.#crew.ended());
    this.#crew.kill();
    for (const socket of this.#sockets) socket.close();
    this.#statusPort?.close();
    log.info('ended');
    process.exit(0);
  }

  // ---- How it is -------------------------------------------------------------------------------------------

  get #isReplaced(): boolean {
    return this.#sockets.some((socket) => socket.isReplaced);
  }

  #state(): ServingState {
    if (this.#isEnding) return 'draining';
    if (this.#isReplaced) return 'replaced';
    const isServing = this.#sockets.length > 0 && this.#sockets.every((socket) => socket.isServing);
    return isServing ? 'serving' : 'starting';
  }

  async #status(): Promise<Status> {
    return nodeStatus(await this.#facts());
  }

  async #facts(): Promise<NodeFacts> {
    return {
      version: this.#options.version,
      state: this.#state(),
      unhandled: this.#unhandled,
      recentEvents: recentEvents(),
      sockets: this.#sockets,
      workers: await this.#crew.facts(),
      together: servedTogether(this.#crew.plugins).map(({ name }) => name),
    };
  }

  async #scrape(type: MetricsType): Promise<Iterator<string>> {
    const families = await this.#crew.metrics();
    return mergedPage(families, (page) => this.#collectOwn(page)).parts(type);
  }

  #collectOwn(page: MetricsPage): void {
    const { readyCount, restartCount } = this.#crew;
    page.add(WORKERS, 'state="serving"', readyCount);
    page.add(WORKERS, 'state="missing"', this.#options.options.workers - readyCount);
    page.add(WORKER_RESTARTS, '', restartCount);
  }
}
