/**
 * One Kafka node: a Java process that can be stopped, killed and started again on the same port and data.
 *
 * It never outlives this process. An orderly end is the caller's `stop()`; a plain exit is caught by an exit handler;
 * and a SIGKILL of this process by a guard, a shell whose stdin is a pipe that we hold: it reads the end of the pipe
 * whatever ended us, and kills the node then.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { javaArguments } from './distribution';
import type { KafkaDistribution } from './distribution';

/** What the broker logs when it serves (log4j2.properties lets this one line through). */
const READY_LINE = 'Kafka Server started';
const LOG_TAIL_LINES = 60;
/** A stop takes 0.2-0.3 s here; a broker that waits for a lost controller quorum would take minutes. */
const STOP_LIMIT_MS = 15_000;

export interface KafkaNodeOptions {
  readonly distribution: KafkaDistribution;
  readonly port: number;
  readonly propertiesFile: string;
  /** Extra flags for the Java machine, before the class path. */
  readonly jvmFlags?: readonly string[];
  /** Removed by the guard when this process dies without cleaning up. */
  readonly temporaryFolder?: string | undefined;
}

export class KafkaNode {
  readonly port: number;
  readonly #options: KafkaNodeOptions;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #logTail: string[] = [];

  constructor(options: KafkaNodeOptions) {
    this.#options = options;
    this.port = options.port;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Where its properties and data are. */
  get folder(): string {
    return dirname(this.#options.propertiesFile);
  }

  get processId(): number | undefined {
    return this.#process?.pid;
  }

  /** The last lines the node logged. */
  get logTail(): string {
    return this.#logTail.join('\n');
  }

  /** Resolves when the node serves; rejects with the end of its log when it exits before. */
  async start(): Promise<void> {
    if (this.running) return;
    const { distribution, propertiesFile, jvmFlags = [], temporaryFolder } = this.#options;
    // Of two values Java takes the last.
    const args = [...javaArguments(distribution), ...jvmFlags, 'kafka.Kafka', propertiesFile];
    const child = spawn(distribution.java.command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#logTail = [];
    const guard = startGuard(child, temporaryFolder);
    const killAtExit = () => child.kill('SIGKILL');
    process.on('exit', killAtExit);

    const ready = new Promise<void>((resolve, reject) => {
      const onLine = (line: string) => {
        this.#logTail.push(line);
        if (this.#logTail.length > LOG_TAIL_LINES) this.#logTail.shift();
        if (line.includes(READY_LINE)) resolve();
      };
      createInterface({ input: child.stdout }).on('line', onLine);
      createInterface({ input: child.stderr }).on('line', onLine);
      this.#exited = new Promise((exited) => {
        // 'close' comes after the last line of both streams, and also after a failed spawn.
        child.once('close', (code, signal) => {
          process.off('exit', killAtExit);
          guard?.kill('SIGKILL');
          this.#process = undefined;
          exited();
          reject(
            new Error(`Kafka on port ${this.port} ended with ${code ?? signal} at start:\n${this.logTail}`),
          );
        });
      });
      child.once('error', (error) => {
        this.#logTail.push(error.message);
        // A failed spawn has no process whose streams could close.
        if (child.pid === undefined) child.emit('close', null, null);
      });
    });
    await ready;
  }

  /** Resolves when the process is gone. SIGTERM is an orderly stop, SIGKILL a crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return this.#exited;
    child.kill(signal);
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(impatience);
  }
}

function startGuard(child: ChildProcess, temporaryFolder: string | undefined): ChildProcess | undefined {
  if (child.pid === undefined) return undefined;
  // Ctrl-C in a terminal reaches the whole process group; the guard must survive it to see our end.
  const script =
    'trap "" INT TERM; cat >/dev/null; kill -9 "$0" 2>/dev/null; sleep 0.2; [ -n "$1" ] && rm -rf -- "$1"';
  const guard = spawn('sh', ['-c', script, String(child.pid), temporaryFolder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell there is no guard; the exit handler still covers every ordinary end.
  guard.once('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  // Neither handle may keep a finished program alive.
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return guard;
}

/** Runs a node once with the JVM told to write down its classes, and waits until it has. */
export async function recordClassArchive(
  node: { distribution: KafkaDistribution; port: number; propertiesFile: string },
  file: string,
): Promise<void> {
  const recorder = new KafkaNode({ ...node, jvmFlags: [`-XX:ArchiveClassesAtExit=${file}`] });
  await recorder.start();
  await recorder.stop('SIGTERM');
}
