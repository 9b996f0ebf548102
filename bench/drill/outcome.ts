/** What one stop of the broker meant for the clients, from the outcomes of their requests. */
import type { Outcome } from '../load/open-loop';
import { ascending, percentile } from '../load/statistics';

/** How the broker is ended: in order, or as a crash. */
export type StopSignal = 'SIGTERM' | 'SIGKILL';

/** When what happened, in milliseconds of performance.now(). */
export interface StopTimes {
  /** The signal was sent. */
  readonly stoppedMs: number;
  /** The broker's process was started again. */
  readonly startedMs: number;
  /** The broker said that it serves again. */
  readonly servesMs: number;
  /** The next stop, or the end of the drill. */
  readonly endMs: number;
}

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface StopReport {
  readonly signal: StopSignal;
  /** From the signal until the broker served again; its own start is part of it. */
  readonly outageMs: number;
  readonly ended: number;
  /** How many ended how: "200", "503 not_ready", "none" for no answer. */
  readonly answers: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly crossed: number;
  /** From the signal to the first 503; undefined when there was none. */
  readonly first503Ms: number | undefined;
  /** How long 503s took that were sent after the first one was answered, and before the broker was started. */
  readonly whileDown: Latencies;
  /** The same between its start and the moment it served: on a small machine it takes all cores then. */
  readonly whileStarting: Latencies;
  /** Of all requests sent between the first 503 and that moment, how many ended with something else. */
  readonly otherwise: number;
  /** From "serves" to the first 200 of a request sent after the stop was noticed; never below 0. */
  readonly first200Ms: number | undefined;
  /** From "serves" to the answer of the first request from which on all that were sent got 200; undefined without such. */
  readonly steadyMs: number | undefined;
}

/** A request counts where it ended: one that was on its way when the broker was stopped is that stop's business. */
export function stopReport(signal: StopSignal, times: StopTimes, all: readonly Outcome[]): StopReport {
  const outcomes = all.filter(
    ({ sentMs, endedMs = sentMs }) => endedMs >= times.stoppedMs && endedMs < times.endMs,
  );
  const noticedMs = Math.min(...outcomes.filter(({ status }) => status === 503).map(endOf));
  const refusedIn = (fromMs: number, toMs: number) =>
    latencies(outcomes.filter(({ sentMs, status }) => status === 503 && sentMs > fromMs && sentMs < toMs));
  return {
    signal,
    outageMs: times.servesMs - times.stoppedMs,
    ended: outcomes.length,
    answers: countAnswers(outcomes),
    lost: outcomes.filter(({ status }) => status === undefined).length,
    crossed: outcomes.filter(({ crossed }) => crossed).length,
    first503Ms: noticedMs === Infinity ? undefined : noticedMs - times.stoppedMs,
    whileDown: refusedIn(noticedMs, times.startedMs),
    whileStarting: refusedIn(Math.max(noticedMs, times.startedMs), times.servesMs),
    otherwise: outcomes.filter(
      ({ sentMs, status }) => sentMs > noticedMs && sentMs < times.servesMs && status !== 503,
    ).length,
    first200Ms: first200(outcomes, noticedMs, times.servesMs),
    steadyMs: steady(outcomes, times.servesMs),
  };
}

function latencies(outcomes: readonly Outcome[]): Latencies {
  const sortedMs = ascending(outcomes.map((outcome) => endOf(outcome) - outcome.sentMs));
  return {
    count: sortedMs.length,
    p50Ms: percentile(sortedMs, 0.5),
    p99Ms: percentile(sortedMs, 0.99),
    maxMs: percentile(sortedMs, 1),
  };
}

function endOf({ endedMs = Infinity }: Outcome): number {
  return endedMs;
}

function countAnswers(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code } of outcomes) {
    const name = status === undefined ? 'none' : code === undefined ? String(status) : `${status} ${code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The broker may answer some milliseconds before its own line about serving has been read. */
function first200(outcomes: readonly Outcome[], noticedMs: number, servesMs: number): number | undefined {
  const sinceMs = Math.min(noticedMs, servesMs);
  const ends = outcomes.filter(({ sentMs, status }) => status === 200 && sentMs > sinceMs).map(endOf);
  return ends.length === 0 ? undefined : Math.max(Math.min(...ends) - servesMs, 0);
}

/**
 * By order of sending: a request that was caught by the stop may end at its deadline, long after the gateway has
 * recovered.
 */
function steady(outcomes: readonly Outcome[], servesMs: number): number | undefined {
  const lastOther = outcomes.findLastIndex(({ status }) => status !== 200);
  const first = outcomes[lastOther + 1];
  return first === undefined ? undefined : Math.max(endOf(first) - servesMs, 0);
}
