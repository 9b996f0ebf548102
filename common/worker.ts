/**
 * Which of several worker processes this one is. The primary says it to those it starts; a process without it is the only
 * one, and everything here is then as if there were no workers.
 */

export interface Worker {
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

/** `<number>/<count>` */
export const WORKER_VARIABLE = 'KONG_KAFKA_WORKER';

/** What the workers of a node sign with where the configuration names no secret; the primary makes it up. In hex. */
export const NODE_SECRET_VARIABLE = 'KONG_KAFKA_NODE_SECRET';

export const ONLY_WORKER: Worker = { number: 1, count: 1 };

export function workerIn(environment: Readonly<Record<string, string | undefined>>): Worker {
  const [, number, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(environment[WORKER_VARIABLE] ?? '') ?? [];
  return number === undefined ? ONLY_WORKER : { number: Number(number), count: Number(count) };
}

/** This process. */
export const WORKER: Worker = workerIn(process.env);

/** Of a limit that is meant for the node: a part of it each, rounded up, so that none has nothing. */
export function shareOf(limit: number, { count }: Worker = WORKER): number {
  return Math.ceil(limit / count);
}
