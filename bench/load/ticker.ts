/**
 * Calls at even distances of less than a millisecond. A timer of node comes up to 2 ms late, which is more than a
 * request takes; a loop that looks at the clock all the time takes a core from what is measured. So a thread sleeps
 * exactly, and wakes this one.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** @returns what stops it; no call comes afterwards */
export type StartTicking = (everyMs: number, onTick: () => void) => () => void;

/** What the threads share: counts starts and stops, and the distance in microseconds; 0: the thread sleeps. */
type Cells = Int32Array;
const TURN = 0;
const DISTANCE = 1;

let ticker: Ticker | undefined;

/** One at a time. The thread stays for the next load; only while it ticks it keeps the process alive. */
export const tickEvery: StartTicking = (everyMs, onTick) => (ticker ??= new Ticker()).start(everyMs, onTick);

class Ticker {
  readonly #cells: Cells = new Int32Array(new SharedArrayBuffer(8));
  readonly #thread: Worker;
  #onTick = (): void => undefined;

  constructor() {
    this.#thread = new Worker(__filename, { workerData: this.#cells });
    this.#thread.on('message', (turn: number) => {
      // What was still on its way when its turn ended does not count for the next one.
      if (turn === this.#cells[TURN]) this.#onTick();
    });
  }

  start(everyMs: number, onTick: () => void): () => void {
    this.#onTick = onTick;
    this.#thread.ref();
    const turn = this.#next(Math.round(everyMs * 1000));
    return () => {
      if (this.#cells[TURN] !== turn) return;
      this.#thread.unref();
      this.#next(0);
    };
  }

  #next(distance: number): number {
    Atomics.store(this.#cells, DISTANCE, distance);
    const turn = Atomics.add(this.#cells, TURN, 1) + 1;
    Atomics.notify(this.#cells, TURN);
    return turn;
  }
}

function tick(cells: Cells): never {
  for (;;) {
    const turn = Atomics.load(cells, TURN);
    const distance = Atomics.load(cells, DISTANCE);
    let dueMs = performance.now();
    const nextIsOver = (): boolean => {
      // After a stall one tick is enough: who is called makes up for the others.
      dueMs = Math.max(dueMs + distance / 1000, performance.now());
      const waitMs = distance === 0 ? Infinity : dueMs - performance.now();
      return Atomics.wait(cells, TURN, turn, Math.max(waitMs, 0)) === 'timed-out';
    };
    while (nextIsOver()) parentPort?.postMessage(turn);
  }
}

if (!isMainThread && workerData instanceof Int32Array) tick(workerData);
