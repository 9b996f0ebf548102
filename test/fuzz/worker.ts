/**
 * One target, case after case, in a process of its own: the one that watches can end it when a case never ends. Not a
 * thread, as the Kafka client loads in one only.
 */
import { heapBytes } from '../pluginserver/support/resources';
import { runCase, type Finding } from './one-case';
import { TARGETS } from './targets';

export interface Work {
  readonly target: string;
  readonly seed: number;
  readonly seconds: number;
  readonly workers: number;
}

/** Says which case comes next; with `over`, that none does. */
export interface Progress {
  readonly next: number;
  readonly over?: boolean;
  readonly finding?: Finding | undefined;
}

/** After this part of the time everything is compiled and every bounded memory is full. */
const WARM_PART = 0.4;
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
/** Cases between two looks at the clock. */
export const BATCH = 50;

async function work({ target: name, seed, seconds, workers }: Work): Promise<void> {
  const target = TARGETS.find((candidate) => candidate.name === name)!;
  const startedAtMs = performance.now();
  const elapsed = (): number => (performance.now() - startedAtMs) / 1000 / seconds;
  let next = 0;
  let warmBytes: number | undefined;
  let finding: Finding | undefined;
  await target.start?.({ workers });
  const startBytes = process.memoryUsage.rss();
  while (finding === undefined && elapsed() < 1) {
    say({ next });
    for (let left = BATCH; left > 0 && finding === undefined; left--)
      finding = await runCase(target, seed, next++);
    const aboveStartBytes = process.memoryUsage.rss() - startBytes;
    if (target.bounds && aboveStartBytes > target.bounds.memoryBytes)
      finding ??= { target: name, seed, case: next, reason: `has ${aboveStartBytes} bytes more than at the start` }; // prettier-ignore
    if (warmBytes === undefined && elapsed() > WARM_PART) warmBytes = heapBytes();
  }
  const grownBytes = warmBytes === undefined ? 0 : heapBytes() - warmBytes;
  await target.end?.();
  if (grownBytes > MAX_GROWTH_BYTES)
    finding ??= { target: name, seed, case: next, reason: `memory has grown by ${grownBytes} bytes` };
  say({ next, over: true, finding });
}

function say(progress: Progress): void {
  process.send?.(progress);
}

// Loaded for its types, too.
if (require.main === module) void work(JSON.parse(process.argv[2]!) as Work).then(() => process.disconnect());
