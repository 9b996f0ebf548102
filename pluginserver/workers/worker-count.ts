/** How many workers `--workers auto` means. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export const MAX_WORKERS = 64;

/** Half of the cores that this process may use: Kong, whose requests these are, needs the others. */
export function automaticWorkers(
  cores: number = availableParallelism(),
  quota: string | undefined = readQuota(),
): number {
  const allowed = Math.min(cores, coresOf(quota));
  return Math.min(Math.max(Math.floor(allowed / 2), 1), MAX_WORKERS);
}

/** @param quota of a container, as Linux says it: microseconds of CPU time, and in how many, or `max` */
function coresOf(quota: string | undefined): number {
  const [, timeUs, periodUs] = /^(\d+) (\d+)/.exec(quota ?? '') ?? [];
  return timeUs === undefined ? Infinity : Number(timeUs) / Number(periodUs);
}

/** Undefined where there is none, as on other systems. */
function readQuota(): string | undefined {
  try {
    return readFileSync('/sys/fs/cgroup/cpu.max', 'utf8');
  } catch {
    return undefined;
  }
}
