/** What this process holds, to be counted before and after: a leak of one thing per connection is seen at once. */

import { existsSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from './serving';

export interface Resources {
  /** 0 on systems that do not tell. */
  readonly fileDescriptors: number;
  readonly timers: number;
  readonly sockets: number;
}

export function resources(): Resources {
  const active = process.getActiveResourcesInfo();
  const count = (...names: string[]): number => active.filter((name) => names.includes(name)).length;
  return {
    fileDescriptors: existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0,
    timers: count('Timeout'),
    sockets: count('PipeWrap', 'TCPSocketWrap'),
  };
}

/** Waits until there is no more of anything than before; less is what an earlier test had left to close. */
export async function nothingMoreThan(before: Resources): Promise<void> {
  const names = Object.keys(before) as (keyof Resources)[];
  let now = before;
  await eventually(
    () => {
      now = resources();
      return names.every((name) => now[name] <= before[name]);
    },
    () => `left: ${JSON.stringify(now)}, before: ${JSON.stringify(before)}`,
  );
}

let collect: (() => void) | undefined;

/** Bytes in use after a garbage collection, buffers included. */
export function heapBytes(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
