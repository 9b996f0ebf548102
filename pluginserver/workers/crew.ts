/** The workers of a node: started, asked, watched and replaced. */
import { log } from '../../bridge/telemetry/log';
import type { WorkerFacts, WorkerState } from './node-status';
import { servedBy } from './placement';
import type { OfPrimary, PluginFacts } from './questions';
import { Restarts } from './restarts';
import { inTime, type Answers } from './talk';
import { WorkerProcess, type WorkerEnd, type WorkerStart } from './worker-process';

/** To load the plugins, on a machine that is busy. */
const START_TIMEOUT_MS = 60_000;
export const PING_INTERVAL_MS = 1000;
/** Whoever asks how it is does not wait longer for a worker. */
const STATUS_TIMEOUT_MS = 1000;

export interface CrewOptions extends Pick<WorkerStart, 'args' | 'env'> {
  readonly count: number;
  /** How long a worker may not answer; 0: as long as it likes. */
  readonly stuckAfterMs: number;
  readonly answersFor: (worker: number) => Omit<Answers<OfPrimary>, 'hello'>;
  /** A worker has loaded the plugins: tell it all it needs to serve. */
  readonly onLoaded: (worker: WorkerProcess) => Promise<void>;
  readonly onEnded: (worker: number) => void;
}

interface Place {
  readonly number: number;
  readonly restarts: Restarts;
  state: WorkerState;
  process: WorkerProcess | undefined;
  timer: NodeJS.Timeout | undefined;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #places: readonly Place[];
  #plugins: readonly PluginFacts[] | undefined;
  /** Those that end are not replaced: the process ends, or its sockets are another one's. */
  #isReplacing = true;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      restarts: new Restarts(),
      state: 'starting' as const,
      process: undefined,
      timer: undefined,
    }));
  }

  /** What every worker has loaded. */
  get plugins(): readonly PluginFacts[] {
    return this.#plugins ?? [];
  }

  /** All of them. @throws Error when one cannot: at the start of a node that is a mistake, and not bad luck */
  async start(): Promise<void> {
    await Promise.all(
      this.#places.map(async (place) => {
        if (await this.#load(place)) return;
        throw new Error(`Worker ${place.number} does not start; its reason stands above.`);
      }),
    );
  }

  /** Those that are told of this plugin's sockets and instances. */
  serving(plugin: string): WorkerProcess[] {
    return this.#present().filter(({ number, isTold }) => isTold && this.#pluginsOf(number).includes(plugin));
  }

  all(): WorkerProcess[] {
    return this.#present();
  }

  /** After the start, and when the sockets are ours. */
  onServing(worker: WorkerProcess): void {
    const place = this.#placeOf(worker.number);
    worker.servingSinceMs = performance.now();
    place.state = 'serving';
    log.info('a worker serves', { worker: worker.number, pid: worker.pid });
  }

  get readyCount(): number {
    return this.#places.filter(({ state }) => state === 'serving').length;
  }

  get restartCount(): number {
    return this.#places.reduce((sum, { restarts }) => sum + restarts.count, 0);
  }

  async facts(): Promise<WorkerFacts[]> {
    return Promise.all(
      this.#places.map(async ({ number, process, state, restarts }) => ({
        number,
        pid: process?.pid,
        state,
        restarts: restarts.count,
        plugins: this.#pluginsOf(number),
        status: process && (await inTime(STATUS_TIMEOUT_MS, process.talk.ask('status', undefined))),
      })),
    );
  }

  /** @returns what those that answer in time have counted */
  async metrics() {
    const families = await Promise.all(
      this.#present().map(async ({ number, talk }) => ({
        number,
        families: await inTime(STATUS_TIMEOUT_MS, talk.ask('metrics', undefined)),
      })),
    );
    return families.flatMap(({ number, families: own }) =>
      own === undefined ? [] : [{ number, families: own }],
    );
  }

  /** Called every PING_INTERVAL_MS. Counts calls and not time: a machine that was suspended has stopped everybody. */
  watch(): void {
    const { stuckAfterMs } = this.#options;
    for (const place of this.#places) {
      const { process: worker, restarts } = place;
      if (worker?.servingSinceMs === undefined) continue;
      if (restarts.becameStable(worker.servedMs))
        log.info('a worker that ended again and again is stable', { worker: place.number });
      const silentMs = worker.unansweredPings * PING_INTERVAL_MS;
      if (stuckAfterMs > 0 && silentMs >= stuckAfterMs && place.state === 'serving') {
        log.error('a worker did not answer for so long that it is given up and ended', {
          worker: place.number,
          pid: worker.pid,
          silent_ms: silentMs,
        });
        place.state = 'stuck';
        worker.kill();
      } else worker.ping();
    }
  }

  stopReplacing(): void {
    this.#isReplacing = false;
    for (const place of this.#places) clearTimeout(place.timer);
  }

  /** The sockets are ours again. */
  replaceAgain(): void {
    if (this.#isReplacing) return;
    this.#isReplacing = true;
    for (const place of this.#places) if (place.process === undefined) void this.#replace(place);
  }

  /** Resolves when all have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#present().map((worker) => worker.ended));
  }

  kill(): void {
    for (const { process } of this.#places) process?.kill();
  }

  #present(): WorkerProcess[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }

  #pluginsOf(worker: number): string[] {
    return servedBy(worker, this.plugins).map(({ name }) => name);
  }

  #placeOf(worker: number): Place {
    return this.#places[worker - 1]!;
  }

  /** @returns undefined when it has ended before it had loaded the plugins */
  async #load(place: Place): Promise<WorkerProcess | undefined> {
    const { count, args, env, answersFor } = this.#options;
    const { number } = place;
    let onHello = (): void => undefined;
    const hello = new Promise<true>((resolve) => (onHello = () => resolve(true)));
    const worker = new WorkerProcess({
      worker: { number, count },
      args,
      env,
      answers: {
        ...answersFor(number),
        hello: ({ plugins }) => {
          this.#plugins ??= plugins;
          onHello();
        },
      },
    });
    place.state = 'starting';
    place.process = worker;
    const end = worker.ended.then((how) => {
      this.#onEnd(place, worker, how);
      return false;
    });
    const timer = setTimeout(() => {
      log.error('a worker did not become ready in time and is ended', { worker: number, pid: worker.pid });
      worker.kill();
    }, START_TIMEOUT_MS);
    const hasLoaded = await Promise.race([hello, end]);
    clearTimeout(timer);
    return hasLoaded ? worker : undefined;
  }

  #onEnd(place: Place, worker: WorkerProcess, { code, signal }: WorkerEnd): void {
    const { servedMs, pid } = worker;
    place.process = undefined;
    place.state = 'ended';
    this.#options.onEnded(place.number);
    if (!this.#isReplacing || this.#plugins === undefined) return;
    const wasLooping = place.restarts.isLooping;
    const delayMs = place.restarts.ended(servedMs);
    const { isLooping } = place.restarts;
    place.state = isLooping ? 'crash loop' : 'waiting to be started';
    log.error('a worker has ended and is started again', {
      worker: place.number,
      pid,
      code,
      signal,
      served_ms: Math.round(servedMs),
      again_in_ms: delayMs,
    });
    if (isLooping && !wasLooping)
      log.error('a worker ends again and again; it is tried at most every 30 seconds', {
        worker: place.number,
      });
    place.timer = setTimeout(() => void this.#replace(place), delayMs);
  }

  async #replace(place: Place): Promise<void> {
    if (!this.#isReplacing) return;
    const worker = await this.#load(place);
    if (worker === undefined) return;
    try {
      await this.#options.onLoaded(worker);
    } catch {
      // It has ended meanwhile, which is told elsewhere, or cannot do what the others can.
      worker.kill();
    }
  }
}
