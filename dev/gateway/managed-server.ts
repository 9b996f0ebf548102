/**
 * A plugin server that the gateway starts itself, as Kong does for an entry with a start command: started again
 * whenever it ends, at most once a second, and given little time between SIGTERM and SIGKILL.
 */
import { spawn, type ChildProcess } from 'node:child_process';

const START_INTERVAL_MS = 1000;
/** What a real Kong leaves it at `kong stop`, and at `kong reload`. */
export const STOP_GRACE_MS = 340;
export const RELOAD_GRACE_MS = 55;

export class ManagedServer {
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param onLog what the process writes, and that it was started or has ended */
  constructor(
    private readonly command: string,
    private readonly onLog: (message: string) => void,
  ) {
    this.#start();
  }

  async close(graceMs: number = STOP_GRACE_MS): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    child?.kill('SIGTERM');
    const limit = setTimeout(() => child?.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(limit);
  }

  #start(): void {
    const startedMs = performance.now();
    // The command replaces the shell, so it is a child of ours. Kong hands down hardly any of its environment.
    const child = spawn('sh', ['-c', `exec ${this.command}`], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PWD: process.cwd() },
    });
    this.#child = child;
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.on('exit', killAtExit);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => this.onLog(String(text)));
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        process.off('exit', killAtExit);
        this.#child = undefined;
        this.onLog(`the plugin server ended: ${signal ?? code}`);
        resolve();
        if (this.#closed) return;
        const pauseMs = Math.max(startedMs + START_INTERVAL_MS - performance.now(), 0);
        this.#restart = setTimeout(() => this.#start(), pauseMs);
      });
    });
    child.once('error', (error) => this.onLog(`the plugin server does not start: ${error.message}`));
  }
}
