/**
 * Who may hold threads of libuv's pool, which the clients of all clusters share with the files and name lookups of all
 * requests. Nothing there is fair by itself: fifty clusters that do not answer would hold every thread for seconds.
 *
 * - `asking`: calls to a cluster that answers. They take milliseconds, unless it has just died.
 * - `trying`: first attempts to reach a cluster. Each takes up to its timeout where nobody is there.
 * - `retrying`: further attempts, and whatever else is asked of a cluster that is known to be away. A share of its own,
 *   so that only the dead wait behind the dead.
 * - `reading`: seats of topic readers that wait for a record. With more readers than seats they take turns.
 * - The rest is for files and names.
 *
 * Within a share clusters take turns, and none has more than a few calls at once.
 */
import { systemClock, type Clock } from '../clock';
import { threadPoolSize } from '../thread-pool-size';

/** In parts of the pool; what is left is the rest. */
const PARTS = 16;
const READING_PARTS = 4;
const ASKING_PARTS = 2;
const TRYING_PARTS = 5;
const RETRYING_PARTS = 3;

const ASKING_PER_CLUSTER = 4;
/** A producer and a reader. */
const TRYING_PER_CLUSTER = 2;

/** A call that is not back this long after its timeout never comes: its thread is lost, its slot is not. */
const LOST_AFTER_MS = 10_000;

export class ThreadPool {
  readonly reading: ReadingSeats;
  readonly asking: PoolShare;
  readonly trying: PoolShare;
  readonly retrying: PoolShare;
  readonly #threads: number;

  constructor(threads: number, clock: Clock = systemClock) {
    const share = (parts: number) => Math.max(Math.floor((threads * parts) / PARTS), 1);
    this.#threads = threads;
    this.reading = new ReadingSeats(share(READING_PARTS));
    this.asking = new PoolShare(share(ASKING_PARTS), ASKING_PER_CLUSTER, clock);
    this.trying = new PoolShare(share(TRYING_PARTS), TRYING_PER_CLUSTER, clock);
    this.retrying = new PoolShare(share(RETRYING_PARTS), TRYING_PER_CLUSTER, clock);
  }

  /** For the status page. */
  status(): Record<string, unknown> {
    return {
      threads: this.#threads,
      reading: this.reading.status(),
      asking: this.asking.status(),
      trying: this.trying.status(),
      retrying: this.retrying.status(),
    };
  }
}

interface Waiting {
  readonly sinceMs: number;
  start(): void;
}

/** A number of slots for calls, and fair queues for those that have to wait. */
export class PoolShare {
  readonly #counters = { waited: 0, longest_wait_ms: 0, lost: 0 };
  readonly #slots: number;
  readonly #perCluster: number;
  readonly #clock: Clock;
  /** In the order of their turns. */
  readonly #queues = new Map<object, Waiting[]>();
  readonly #running = new Map<object, number>();
  #inUse = 0;

  constructor(slots: number, perCluster: number, clock: Clock) {
    this.#slots = slots;
    this.#perCluster = perCluster;
    this.#clock = clock;
  }

  /**
   * Makes the call, at once where there is a slot. It holds the slot until it ends.
   * @param cluster whose call it is
   * @param limitMs what the call itself takes at most
   */
  run<T>(cluster: object, limitMs: number, call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = () => {
        const leave = this.#enter(cluster, limitMs);
        new Promise<T>((ended) => ended(call())).finally(leave).then(resolve, reject);
      };
      if (this.#hasSlotFor(cluster)) start();
      else this.#queue(cluster, { sinceMs: this.#clock.now(), start });
    });
  }

  status(): Record<string, unknown> {
    const queued = [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
    return { slots: this.#slots, in_use: this.#inUse, queued, ...this.#counters };
  }

  #hasSlotFor(cluster: object): boolean {
    return this.#inUse < this.#slots && (this.#running.get(cluster) ?? 0) < this.#perCluster;
  }

  #enter(cluster: object, limitMs: number): () => void {
    this.#inUse++;
    this.#running.set(cluster, (this.#running.get(cluster) ?? 0) + 1);
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      cancelTimer();
      this.#leave(cluster);
    };
    const cancelTimer = this.#clock.after(limitMs + LOST_AFTER_MS, () => {
      this.#counters.lost++;
      leave();
    });
    return leave;
  }

  #leave(cluster: object): void {
    this.#inUse--;
    const left = (this.#running.get(cluster) ?? 0) - 1;
    if (left > 0) this.#running.set(cluster, left);
    else this.#running.delete(cluster);
    this.#startNext();
  }

  #queue(cluster: object, waiting: Waiting): void {
    this.#counters.waited++;
    const queue = this.#queues.get(cluster);
    if (queue) queue.push(waiting);
    else this.#queues.set(cluster, [waiting]);
  }

  /** A cluster that had its turn goes to the end of the line. */
  #startNext(): void {
    for (const [cluster, queue] of this.#queues) {
      if (!this.#hasSlotFor(cluster)) continue;
      const waiting = queue.shift();
      this.#queues.delete(cluster);
      if (queue.length > 0) this.#queues.set(cluster, queue);
      if (waiting === undefined) continue;
      const waitedMs = Math.round(this.#clock.now() - waiting.sinceMs);
      this.#counters.longest_wait_ms = Math.max(this.#counters.longest_wait_ms, waitedMs);
      waiting.start();
      return;
    }
  }
}

/** Places for readers that block a thread until a record comes. */
export class ReadingSeats {
  readonly #seats: number;
  #taken = 0;
  #queue: (() => void)[] = [];

  constructor(seats: number) {
    this.#seats = seats;
  }

  /** Somebody waits for a seat: who reads nothing should stand up. */
  get crowded(): boolean {
    return this.#queue.length > 0;
  }

  /** @param seated called once, at once where there is a seat */
  take(seated: () => void): void {
    if (this.#taken < this.#seats) {
      this.#taken++;
      seated();
    } else {
      this.#queue.push(seated);
    }
  }

  leave(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#taken--;
  }

  status(): Record<string, unknown> {
    return { seats: this.#seats, in_use: this.#taken, queued: this.#queue.length };
  }
}

/** That of this process. */
export const threadPool = new ThreadPool(threadPoolSize());
