/** replay.c: compiled by the compiler that the Kafka client needs as well, and run. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = join(__dirname, '..', '..', '..', 'bench', 'workers', 'replay.c');
/** Beyond the duration and what replay.c waits for the last answers. */
const LATE_MS = 20_000;

const run = promisify(execFile);

export interface Replayed {
  /** In any way, also after the duration. */
  readonly ended: number;
  /** Answered as recorded, within the duration. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Not answered, or not in full. */
  readonly lost: number;
  /** Answered with something else. */
  readonly crossed: number;
  /** CPU of replay.c for each request. */
  readonly driverMicros: number;
}

/** @returns the path of the program */
export async function compileReplay(folder: string): Promise<string> {
  const program = join(folder, 'replay');
  await run(process.env['CC'] ?? 'cc', ['-O2', '-o', program, SOURCE]);
  return program;
}

export async function replay(
  program: string,
  recording: string,
  of: { readonly socket: string; readonly inFlight: number; readonly durationMs: number },
): Promise<Replayed> {
  const { socket, inFlight, durationMs } = of;
  const running = run(program, [socket, String(inFlight), String(durationMs)], {
    timeout: durationMs + LATE_MS,
  });
  running.child.stdin?.end(recording);
  return JSON.parse((await running).stdout) as Replayed;
}
