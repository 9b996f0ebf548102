/** The load of a soak, as a process of its own: two Kong workers, requests of all kinds, and updates in between. */
import { childOptions, serveQuestions } from '../load/load-child';
import { nextNonce } from '../load/payload';
import { kindOf, REQUESTS_PER_UPDATE, type SoakTarget } from './mix';
import { SoakWorker, type OnAnswer, type SoakPlugins } from './worker';

export interface SoakDriverOptions extends SoakPlugins {
  readonly target: SoakTarget;
}

/** Ends with whichever is first, and then waits for the last answers. */
export interface SoakLoad {
  readonly inFlight: number;
  readonly mostRequests: number;
  readonly durationMs: number;
  /** Kong's configuration changes now and then. */
  readonly updates: boolean;
}

export type SoakQuestion = { readonly load: SoakLoad } | { readonly rest: true };

/** Of one load, except for `updates`. */
export interface SoakCounts {
  readonly requests: number;
  /** What clients got -> how many; only what was expected. */
  readonly answers: Readonly<Record<string, number>>;
  /** The same for what was not: "<got> instead of <expected>". */
  readonly unexpected: Readonly<Record<string, number>>;
  readonly crossed: number;
  /** Without an answer. */
  readonly lost: number;
  /** Events that Kong ran again, because the server did not know their instance. */
  readonly reruns: number;
  /** Since the start. */
  readonly updates: number;
}

/** Of ten updates one hits requests in flight in such a way that instances flap. */
const UPDATES_PER_FLAP = 10;
/** Longer than every wait of the mix. */
const LAST_ANSWERS_MS = 15_000;

class SoakDriver {
  readonly #workers: readonly SoakWorker[];
  #requests = 0;
  #updates = 0;
  #updating: Promise<void> = Promise.resolve();

  constructor({ target, ...plugins }: SoakDriverOptions) {
    this.#workers = [0, 1].map(() => new SoakWorker(plugins, target, 0));
  }

  async start(): Promise<void> {
    for (const worker of this.#workers) await worker.start();
  }

  async answer(question: SoakQuestion): Promise<SoakCounts | null> {
    if ('load' in question) return this.#run(question.load);
    for (const worker of this.#workers) worker.closeIdle();
    return null;
  }

  async #run({ inFlight, mostRequests, durationMs, updates }: SoakLoad): Promise<SoakCounts> {
    const answers: Record<string, number> = {};
    const unexpected: Record<string, number> = {};
    const rerunsBefore = this.#reruns();
    let sent = 0;
    let open = 0;
    let crossed = 0;
    const endMs = performance.now() + durationMs;
    await new Promise<void>((resolve) => {
      const givenUp = setTimeout(resolve, durationMs + LAST_ANSWERS_MS);
      const next = (): void => {
        sent++;
        open++;
        this.#send(updates, (got, expected, isCrossed) => {
          open--;
          if (isCrossed) crossed++;
          if (expected.includes(got)) count(answers, got);
          else count(unexpected, `${got} instead of ${expected[0]}`);
          if (sent < mostRequests && performance.now() < endMs) next();
          else if (open === 0) {
            clearTimeout(givenUp);
            resolve();
          }
        });
      };
      while (open < Math.min(inFlight, mostRequests)) next();
    });
    await this.#updating;
    const reruns = this.#reruns() - rerunsBefore;
    return { requests: sent, answers, unexpected, crossed, lost: open, reruns, updates: this.#updates };
  }

  #send(updates: boolean, onAnswer: OnAnswer): void {
    const number = this.#requests++;
    if (updates && number > 0 && number % REQUESTS_PER_UPDATE === 0) this.#update();
    // Not simply in turns, or each worker would always get the same kinds.
    const turn = number + Math.floor(number / REQUESTS_PER_UPDATE);
    const worker = this.#workers[turn % this.#workers.length] as SoakWorker;
    worker.run(kindOf(number), nextNonce(), onAnswer);
  }

  /** Kong's workers find out one by one, when a request comes. */
  #update(): void {
    const update = ++this.#updates;
    const worker = this.#workers[update % this.#workers.length] as SoakWorker;
    const flap = update % UPDATES_PER_FLAP === 0;
    this.#updating = this.#updating.then(() => worker.update(update, { flap }));
  }

  #reruns(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.reruns, 0);
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

serveQuestions(async () => {
  const driver = new SoakDriver(childOptions<SoakDriverOptions>());
  await driver.start();
  return (question: SoakQuestion) => driver.answer(question);
});
