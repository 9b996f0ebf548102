/**
 * Tells a measurement what is inside a process. Preloaded into the plugin server and its workers, which know nothing of it:
 *
 *   node --expose-gc --require dist/bench/load/probe.js dist/pluginserver/main.js …
 *
 * Run alone it is the bare process that shows what the machine does to a process that does nothing.
 */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { getHeapCodeStatistics } from 'node:v8';
import { probePath } from './probe-path';
import { StallWatch, type Stalls } from './stall-watch';

export type ProbeQuestion = 'inventory' | 'inventory after gc' | 'watch stalls' | 'stalls';

export interface Inventory {
  readonly heapBytes: number;
  /** Of it what V8 has compiled: it goes on doing so for as long as it learns, and that is no leak. */
  readonly codeBytes: number;
  /** Outside of V8's heap, but held by its objects: buffers. */
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly fileDescriptors: number;
  readonly threads: number;
  /** What keeps the event loop busy by kind: timers, sockets, calls under way. */
  readonly resources: Readonly<Record<string, number>>;
}

/** A full collection frees what finalizers of the first one let go. */
const COLLECTIONS = 3;

let watch: StallWatch | undefined;

function answer(question: ProbeQuestion): Inventory | Stalls | undefined {
  switch (question) {
    case 'inventory':
      return inventory();
    case 'inventory after gc':
      for (let round = 0; round < COLLECTIONS; round++) global.gc?.();
      return inventory();
    case 'watch stalls':
      watch = new StallWatch();
      return undefined;
    case 'stalls':
      return watch?.stop();
  }
}

function inventory(): Inventory {
  const memory = process.memoryUsage();
  const code = getHeapCodeStatistics();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    heapBytes: memory.heapUsed,
    codeBytes: code.code_and_metadata_size + code.bytecode_and_metadata_size,
    externalBytes: memory.external,
    residentBytes: memory.rss,
    // One of them is the folder's own.
    fileDescriptors: readdirSync('/proc/self/fd').length - 1,
    threads: readdirSync('/proc/self/task').length,
    resources,
  };
}

// One question for each connection.
createServer({ allowHalfOpen: true }, (asker) => {
  asker.setEncoding('utf8').once('data', (question: string) => {
    asker.end(JSON.stringify(answer(question as ProbeQuestion) ?? null));
  });
}).listen(probePath(process.pid));
