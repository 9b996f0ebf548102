/** A process of ours as a child of this one: started, awaited until it says it is ready, and never left behind. */
import { spawn, type ChildProcess } from 'node:child_process';

const READY_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;
const TAIL_CHARACTERS = 4000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ChildOptions {
  /** A line of stdout or stderr that means it serves. */
  readonly readyWhen: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: this node. */
  readonly command?: string;
  /** Gets everything it writes; `output` keeps the last part only. */
  readonly onOutput?: (text: string) => void;
}

export class Child {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = '';
  #listeners = new Set<() => void>();

  constructor(
    readonly name: string,
    args: readonly string[],
    options: Omit<ChildOptions, 'readyWhen'> = {},
  ) {
    this.#child = spawn(options.command ?? process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    running.add(this.#child);
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        running.delete(this.#child);
        for (const listener of this.#listeners) listener();
        resolve(code);
      });
      this.#child.once('error', (error) => this.#append(`${error.message}\n`));
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        options.onOutput?.(text);
        this.#append(text);
      });
    }
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start:\n${this.#output}`);
    return this.#child.pid;
  }

  get alive(): boolean {
    return running.has(this.#child);
  }

  /** The last part of what it wrote, stdout and stderr as they came. */
  get output(): string {
    return this.#output;
  }

  /** @returns the match; rejects with the output's tail when the process ends first or takes too long */
  until(pattern: RegExp, limitMs = READY_LIMIT_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(limit);
        this.#listeners.delete(look);
        settle();
      };
      const look = () => {
        const match = pattern.exec(this.#output);
        if (match) finish(() => resolve(match));
        else if (!this.alive) finish(() => reject(new Error(`${this.name} ended:\n${this.#output}`)));
      };
      const limit = setTimeout(
        () =>
          finish(() => reject(new Error(`${this.name} was not ready in ${limitMs} ms:\n${this.#output}`))),
        limitMs,
      );
      this.#listeners.add(look);
      look();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when that does not help in time. Idempotent. */
  async stop(): Promise<number | null> {
    if (this.alive) this.#child.kill('SIGTERM');
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    const code = await this.exited;
    clearTimeout(limit);
    return code;
  }

  #append(text: string): void {
    this.#output = (this.#output + text).slice(-TAIL_CHARACTERS);
    for (const listener of this.#listeners) listener();
  }
}

export async function startChild(
  name: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<Child> {
  const child = new Child(name, args, options);
  try {
    await child.until(options.readyWhen);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return child;
}
