/** What a load is, and what comes of it: said by the parent, run in a process of its own. */
import type { Traffic } from './traffic';

/** A fixed number of requests in flight, a new one for each that ends. */
export interface ClosedLoad {
  readonly inFlight: number;
  readonly durationMs: number;
}

/** Requests at even distances, however long the earlier ones take. */
export interface PacedLoad {
  readonly perSecond: number;
  readonly durationMs: number;
  /** Before it, at the same rate: a service that takes its time has not answered yet. Default: 0. */
  readonly rampMs?: number;
}

export type Load = ClosedLoad | PacedLoad;

/** One request through the thing that is measured. */
export interface Exchanger {
  /** @param done called at most once, never before `exchange` has returned */
  exchange(nonce: string, done: (status: number, body: Buffer) => void): void;
  /** Since the last call, of those that speak Kong's protocol. */
  takeTraffic?(): Traffic;
}

export interface LoadResult {
  /** Whose latencies count: answered with their own body, under a closed load within the duration. */
  readonly requests: number;
  /** Answered in any way, also before and after the duration: what all the work was for. */
  readonly ended: number;
  /** Answered with their own body within the duration. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** No answer, or an error. */
  readonly lost: number;
  /** Answered with something else than their own body. */
  readonly crossed: number;
  /** Status of one of the lost ones, for the explanation; 0 for no answer. */
  readonly lostStatus?: number;
  readonly traffic?: Traffic;
}
