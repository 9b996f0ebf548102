/** Closed-loop load: a fixed number of requests in flight, a new one for each that ends. */
import { nextNonce, nonceOf } from './payload';
import { ascending, percentile } from './statistics';

/** One request through the thing that is measured. */
export interface Exchanger {
  /** @param done called at most once, never before `exchange` has returned */
  exchange(nonce: string, done: (status: number, body: Buffer) => void): void;
  /** Rounds since the last call, of those that speak Kong's protocol. */
  takeRounds?(): EventRounds;
}

/** How often the plugin server waited for answers in one event. */
export interface Rounds {
  readonly events: number;
  readonly rounds: number;
  readonly most: number;
}

export interface EventRounds {
  readonly producer: Rounds;
  readonly consumer: Rounds;
}

export interface Load {
  readonly inFlight: number;
  readonly durationMs: number;
}

export interface LoadResult {
  /** Answered with their own body within the duration. */
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** No answer, or an error. */
  readonly lost: number;
  /** Answered with something else than their own body. */
  readonly crossed: number;
  /** Status of one of the lost ones, for the explanation; 0 for no answer. */
  readonly lostStatus?: number;
  readonly rounds?: EventRounds;
}

/** Longer than the plugins' own limit of 5 s: whatever has not ended by then never will. */
const LAST_ANSWERS_MS = 7000;

export async function runClosedLoop(exchanger: Exchanger, load: Load): Promise<LoadResult> {
  exchanger.takeRounds?.();
  const latenciesMs: number[] = [];
  let open = 0;
  let lost = 0;
  let crossed = 0;
  let lostStatus: number | undefined;
  const beganMs = performance.now();
  const endMs = beganMs + load.durationMs;
  await new Promise<void>((resolve) => {
    const givenUp = setTimeout(() => {
      lost += open;
      if (open > 0) lostStatus = 0;
      resolve();
    }, load.durationMs + LAST_ANSWERS_MS);

    const next = (): void => {
      const nonce = nextNonce();
      const sentMs = performance.now();
      open++;
      exchanger.exchange(nonce, (status, body) => {
        const nowMs = performance.now();
        open--;
        if (status !== 200) {
          lost++;
          lostStatus = status;
        } else if (nonceOf(body) !== nonce) crossed++;
        else if (nowMs <= endMs) latenciesMs.push(nowMs - sentMs);
        if (nowMs < endMs) next();
        else if (open === 0) {
          clearTimeout(givenUp);
          resolve();
        }
      });
    };
    for (let lane = 0; lane < load.inFlight; lane++) next();
  });
  const sorted = ascending(latenciesMs);
  const rounds = exchanger.takeRounds?.();
  return {
    requests: sorted.length,
    perSecond: (sorted.length * 1000) / load.durationMs,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    lost,
    crossed,
    ...(lostStatus === undefined ? {} : { lostStatus }),
    ...(rounds === undefined ? {} : { rounds }),
  };
}
