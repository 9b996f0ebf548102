/**
 * Whether the requests of one service are kept at once, without another try at its upstream.
 *
 * Failures are told by nginx, which brings each here anyway. Successes are told by nobody: to hear of them, every request
 * would have to cost a log event. So the share of failures is that among the requests that were marked meanwhile, which
 * is a number; and whether the service is back is found out with a connection of our own and one request. That one goes
 * to the upstream like any other; it has succeeded when it has not failed for longer than the failures took that opened
 * the breaker. If it was only slower than those, the breaker has closed too early: what fails then is brought here as
 * ever, and opens it again. No request is lost by a wrong guess, some wait for their upstream in vain.
 */

export interface BreakerOptions {
  /** So many within the window open it. */
  readonly failures: number;
  readonly windowMs: number;
  /** Between two looks at whether the service is back. */
  readonly openForMs: number;
}

export interface BreakerFailure {
  readonly requestId: string;
  /** Since the request went to its upstream. */
  readonly tookMs: number;
  readonly status: number;
}

/** `probe`: this request is kept, and somebody should look whether the service is there. */
export type Decision = 'through' | 'keep' | 'probe';

/** Of the requests that were marked while the failures came, at least this share must have failed. */
const MIN_SHARE = 0.5;
const MIN_PATIENCE_MS = 1000;
const PATIENCE_FACTOR = 1.5;
/** Then it is closed whatever the probe says: the service may be where only Kong can reach it. */
export const MOST_OPEN_MS = 10 * 60 * 1000;

interface Counted extends BreakerFailure {
  readonly atMs: number;
  readonly markedBefore: number;
}

type State =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly sinceMs: number; probeAtMs: number }
  /** The service takes connections again. */
  | {
      readonly name: 'trying';
      readonly sinceMs: number;
      trial: { readonly id: string; readonly sinceMs: number } | undefined;
    };

export class Breaker {
  #state: State = { name: 'closed' };
  /** The latest, no more than it takes to open. */
  #recent: Counted[] = [];
  #slowestMs = 0;

  constructor(
    private readonly options: BreakerOptions,
    private readonly onChange: (isOpen: boolean) => void = () => undefined,
  ) {}

  get isOpen(): boolean {
    return this.#state.name !== 'closed';
  }

  /** Of the failure that was seen last. */
  get status(): number {
    return this.#recent.at(-1)?.status ?? 503;
  }

  /** @param marked requests that have gone to their upstream so far */
  onFailure(failure: BreakerFailure, marked: number, nowMs: number): void {
    const state = this.#state;
    if (state.name === 'trying' && state.trial?.id === failure.requestId)
      this.#state = { name: 'open', sinceMs: state.sinceMs, probeAtMs: nowMs + this.options.openForMs };
    this.#recent.push({ ...failure, atMs: nowMs, markedBefore: marked });
    if (this.#recent.length > this.options.failures) this.#recent.shift();
    if (this.isOpen || !this.#isEnough(marked, nowMs)) return;
    this.#slowestMs = Math.max(...this.#recent.map(({ tookMs }) => tookMs));
    this.#state = { name: 'open', sinceMs: nowMs, probeAtMs: nowMs + this.options.openForMs };
    this.onChange(true);
  }

  /** For a request that is about to go to its upstream. */
  decide(requestId: string, nowMs: number): Decision {
    const state = this.#state;
    if (state.name === 'closed') return 'through';
    if (nowMs - state.sinceMs >= MOST_OPEN_MS) return this.#close();
    if (state.name === 'open') {
      if (nowMs < state.probeAtMs) return 'keep';
      // If the probe says nothing, there is another one after a while.
      state.probeAtMs = nowMs + this.options.openForMs;
      return 'probe';
    }
    if (state.trial === undefined) {
      state.trial = { id: requestId, sinceMs: nowMs };
      return 'through';
    }
    return nowMs - state.trial.sinceMs >= this.#patienceMs ? this.#close() : 'keep';
  }

  /** The service takes connections: the next request tries it. */
  onReachable(): void {
    const state = this.#state;
    if (state.name === 'open') this.#state = { name: 'trying', sinceMs: state.sinceMs, trial: undefined };
  }

  get #patienceMs(): number {
    return Math.max(MIN_PATIENCE_MS, this.#slowestMs * PATIENCE_FACTOR);
  }

  #isEnough(marked: number, nowMs: number): boolean {
    const { failures, windowMs } = this.options;
    const [first] = this.#recent;
    if (first === undefined || this.#recent.length < failures) return false;
    return nowMs - first.atMs <= windowMs && failures >= (marked - first.markedBefore) * MIN_SHARE;
  }

  #close(): 'through' {
    this.#state = { name: 'closed' };
    this.#recent = [];
    this.onChange(false);
    return 'through';
  }
}
