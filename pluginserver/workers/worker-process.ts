/** One worker, from its start to its end, as the primary sees it. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { WORKER_VARIABLE, type Worker } from '../../common/worker';
import type { OfPrimary, OfWorkers } from './questions';
import { Talk, type Answers } from './talk';

const WORKER_MAIN = join(__dirname, 'worker-main.js');

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WorkerStart {
  readonly worker: Worker;
  /** The primary's own command line: a worker reads it as well. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly answers: Answers<OfPrimary>;
}

export class WorkerProcess {
  readonly number: number;
  readonly talk: Talk<OfWorkers, OfPrimary>;
  /** Resolves once. */
  readonly ended: Promise<WorkerEnd>;
  /** From when on it is told what becomes of sockets and instances. */
  isTold = false;
  /** Undefined until it answers events. */
  servingSinceMs: number | undefined;
  /** How many pings in a row were not answered. */
  unansweredPings = 0;
  readonly #child: ChildProcess;

  constructor({ worker, args, env, answers }: WorkerStart) {
    this.number = worker.number;
    this.#child = fork(WORKER_MAIN, args, {
      env: { ...env, [WORKER_VARIABLE]: `${worker.number}/${worker.count}` },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.talk = new Talk<OfWorkers, OfPrimary>(
      {
        send: (message, handle, onSent) => this.#child.send(message, handle as never, {}, onSent),
        onMessage: (listener) => this.#child.on('message', listener),
      },
      answers,
    );
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.talk.end();
        resolve({ code, signal });
      });
      // It could not be started at all, or not be told something.
      this.#child.on('error', () => {
        if (this.#child.pid !== undefined) return;
        this.talk.end();
        resolve({ code: null, signal: null });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get servedMs(): number {
    return this.servingSinceMs === undefined ? 0 : performance.now() - this.servingSinceMs;
  }

  /** Asks whether it is there. */
  ping(): void {
    this.unansweredPings++;
    this.talk.ask('ping', undefined).then(
      () => (this.unansweredPings = 0),
      () => undefined,
    );
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
