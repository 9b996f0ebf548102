/** One case of a target, made from two numbers, so that a finding can be made again. */
import { SeededRandom } from '../support/seeded-random';
import { inputOf } from './mutate';
import type { FuzzTarget } from './target';

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly case: number;
  readonly reason: string;
  /** Base64; absent when only the numbers are known. */
  readonly input?: string;
}

/** A case takes microseconds, or, with a socket, a millisecond. */
const SLOW_MS = 2000;
const ATTEMPTS = 3;

export function caseInput(target: FuzzTarget, seed: number, index: number): Buffer {
  // Seeds that follow each other begin alike in a linear generator.
  let mixed = (seed ^ Math.imul(index + 1, 0x9e37_79b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) >>> 0;
  return inputOf(target, new SeededRandom((mixed ^ (mixed >>> 13)) >>> 0));
}

/** Undefined when everything held. */
export async function runCase(target: FuzzTarget, seed: number, index: number): Promise<Finding | undefined> {
  const input = caseInput(target, seed, index);
  const reason = await reasonOf(target, input);
  if (reason === undefined) return undefined;
  return { target: target.name, seed, case: index, reason, input: input.toString('base64') };
}

async function reasonOf(target: FuzzTarget, input: Buffer): Promise<string | undefined> {
  try {
    // A busy machine, a compilation or a collection makes a case slow once or twice, not every time.
    let slow: string | undefined;
    for (let left = ATTEMPTS; left > 0; left--) {
      slow = tooSlow(target, await timed(target, input));
      if (slow === undefined) return undefined;
    }
    return slow;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

interface Times {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function timed(target: FuzzTarget, input: Buffer): Promise<Times> {
  const cpu = target.bounds && process.cpuUsage();
  const startedAtMs = performance.now();
  const running = target.run(Buffer.from(input));
  if (running !== undefined) await running;
  const wallMs = performance.now() - startedAtMs;
  const { user, system } = cpu ? process.cpuUsage(cpu) : { user: 0, system: 0 };
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function tooSlow({ bounds }: FuzzTarget, { wallMs, cpuMs }: Times): string | undefined {
  if (wallMs > SLOW_MS) return `takes longer than ${SLOW_MS} ms`;
  if (bounds && cpuMs > bounds.cpuMs) return `takes ${cpuMs} ms of processor time, more than ${bounds.cpuMs}`;
  return undefined;
}
