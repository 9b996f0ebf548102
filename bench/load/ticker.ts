/**
 * Calls at even distances of less than a millisecond. A timer of node comes up to 2 ms late, which is more than a
 * request takes; a loop that looks at the clock all the time takes a core from what is measured. So a thread sleeps
 * exactly, and wakes this one.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** @returns what stops it; no call comes afterwards */
export type StartTicking = (everyMs: number, onTick: () => void) => () => void;

/** One cell, in microseconds; 0: the thread sleeps. */
type Interval = Int32Array;

let ticker: Ticker | undefined;

/** One at a time. The thread stays for the next load; only while it ticks it keeps the process alive. */
export const tickEvery: StartTicking = (everyMs, onTick) => (ticker ??= new Ticker()).start(everyMs, onTick);

class Ticker {
  readonly #interval: Interval = new Int32Array(new SharedArrayBuffer(4));
  readonly #thread: Worker;
  #onTick: (() => void) | undefined;

  constructor() {
    this.#thread = new Worker(__filename, { workerData: this.#interval });
    this.#thread.on('message', () => this.#onTick?.());
  }

  start(everyMs: number, onTick: () => void): () => void {
    this.#onTick = onTick;
    this.#thread.ref();
    this.#set(Math.round(everyMs * 1000));
    return () => {
      if (this.#onTick !== onTick) return;
      this.#onTick = undefined;
      this.#thread.unref();
      this.#set(0);
    };
  }

  #set(microseconds: number): void {
    Atomics.store(this.#interval, 0, microseconds);
    Atomics.notify(this.#interval, 0);
  }
}

function tick(interval: Interval): never {
  for (;;) {
    Atomics.wait(interval, 0, 0);
    let dueMs = performance.now();
    for (let every = Atomics.load(interval, 0); every !== 0; every = Atomics.load(interval, 0)) {
      // After a stall one tick is enough: who is called makes up for the others.
      dueMs = Math.max(dueMs + every / 1000, performance.now());
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) Atomics.wait(interval, 0, every, waitMs);
      parentPort?.postMessage(undefined);
    }
  }
}

if (!isMainThread && workerData instanceof Int32Array) tick(workerData);
