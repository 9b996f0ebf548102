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
    // A busy machine makes a case slow once, not twice.
    if ((await timedMs(target, input)) > SLOW_MS && (await timedMs(target, input)) > SLOW_MS)
      return `takes longer than ${SLOW_MS} ms`;
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

async function timedMs(target: FuzzTarget, input: Buffer): Promise<number> {
  const startedAtMs = performance.now();
  const running = target.run(Buffer.from(input));
  if (running !== undefined) await running;
  return performance.now() - startedAtMs;
}
