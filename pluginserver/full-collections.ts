/**
 * Imported for its effect: V8 looks through all old objects when there is something to be had from it.
 *
 * With 7,000 streams it takes both cores of a small machine for a fifth of a second: no share of the time, but the slowest of
 * a hundred requests. By itself V8 did so every twenty seconds because a tenth more had come, and between eight seconds and two
 * minutes after one once more, to give memory back, room for young objects with it. Here a full collection comes when there
 * are twice as many old objects as the last one has left, and memory goes back after ten minutes. Without streams there
 * are 14 MB of old objects, and it makes no difference to a request (docs/performance.md, Node). Where memory is short V8
 * collects earlier all the same; whoever starts node with one of the flags has its own value.
 */
import { setFlagsFromString } from 'node:v8';

/** Of V8, which knows both in Node.js 20 to 24. */
const FLAGS = {
  /** By how much the old objects grow before the next full collection. Default of V8: what its timing of collections says. */
  '--heap-growing-percent': 100,
  /** From a full collection to the one that gives memory back. Default of V8: 8000. */
  '--gc-memory-reducer-start-delay-ms': 600_000,
};

/** @param given what node was started with, whose values stay */
export function flagsBeside(given: readonly string[]): readonly string[] {
  return Object.entries(FLAGS)
    .filter(([flag]) => !given.some((other) => other.replaceAll('_', '-').startsWith(flag)))
    .map(([flag, value]) => `${flag}=${value}`);
}

for (const flag of flagsBeside(process.execArgv)) setFlagsFromString(flag);
