/** A process of its own that makes load, so that what is measured does not pay for the measuring. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Load, LoadResult } from './load';
import type { DriverQuestion } from './load-child';

const BENCH = join(__dirname, '..');

type Answer = { ready: true } | { result: unknown } | { failed: string };

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #name: string;

  private constructor(name: string, options: object) {
    this.#name = name;
    // As JSON a figure that is not there, which is NaN, would come as null.
    this.#child = fork(join(BENCH, `${name}.js`), [JSON.stringify(options)], { serialization: 'advanced' });
  }

  /** @param program its path under bench/, as in 'soak/driver' */
  static async start(program: string, options: object = {}): Promise<LoadProcess> {
    const started = new LoadProcess(program, options);
    await started.#answer();
    return started;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** @param options as the program's `serveLoads` takes them; a target that is connected already is replaced */
  async connect(target: string, options: object): Promise<void> {
    await this.ask({ target, connect: options } satisfies DriverQuestion);
  }

  run(target: string, load: Load): Promise<LoadResult> {
    return this.ask<LoadResult>({ target, load } satisfies DriverQuestion);
  }

  /** One question at a time. */
  async ask<Result>(question: object): Promise<Result> {
    const answer = this.#answer();
    this.#child.send(question);
    return ((await answer) as { result: Result }).result;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`${this.#name} ended with ${code}.`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', onExit);
        if ('failed' in answer) reject(new Error(`${this.#name}: ${answer.failed}`));
        else resolve(answer);
      });
    });
  }
}
