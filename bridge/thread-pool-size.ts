/**
 * How many threads libuv's pool has. Loaded before anything that could start the pool: its size is read once, then.
 *
 * A client's call that waits for a broker holds a thread, and each topic reader holds one for as long as it waits for a
 * record. With node's four, the files and name lookups of all requests would wait behind them. A thread that has nothing
 * to do costs some 8 KB and hardly any time, so there are enough for dozens of clusters, healthy and dead;
 * kafka/thread-pool.ts says who gets how many.
 */
const DEFAULT_THREADS = 192;

/** Libuv's own bounds. */
const LEAST_THREADS = 1;
const MOST_THREADS = 1024;

process.env['UV_THREADPOOL_SIZE'] ??= String(DEFAULT_THREADS);

/** As libuv understands the variable: what is no number is none, and none is one. */
export function threadPoolSize(text = process.env['UV_THREADPOOL_SIZE'] ?? ''): number {
  const threads = Number.parseInt(text, 10);
  if (Number.isNaN(threads)) return LEAST_THREADS;
  return Math.min(Math.max(threads, LEAST_THREADS), MOST_THREADS);
}
