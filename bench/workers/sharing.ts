/**
 * How connections come to several processes: three ways, without any of our protocol. A connection carries one exchange of a
 * few bytes, as one of Kong's does that ends with an answer.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMicroseconds } from '../load/process-usage';
import type { CleanUps } from '../load/run-command';
import { ascending, percentile, sum } from '../load/statistics';
import { processTree } from '../load/process-tree';

export const WAYS = ['shared', 'round-robin', 'handed-over'] as const;
export type Way = (typeof WAYS)[number];

export interface SharingOptions {
  readonly way: Way;
  readonly workers: number;
  readonly path: string;
  /** Of every 200 ms the first worker is away for so long. */
  readonly busyMs: number;
  /** Milliseconds of work for each exchange. */
  readonly workMs: number;
}

export interface Shared {
  readonly perSecond: number;
  /** Of all processes but the one that asks. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** Of each worker, the largest first. */
  readonly shares: readonly number[];
}

const IN_FLIGHT = 64;
const WARM_UP_MS = 1000;

/** @param perSecond absent: as many as can be, with IN_FLIGHT at a time */
export async function measureSharing(
  options: Omit<SharingOptions, 'path'>,
  durationMs: number,
  cleanUps: CleanUps,
  perSecond?: number,
): Promise<Shared> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-kafka-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'shared.sock');
  const primary = fork(join(__dirname, 'sharing-primary.js'), [JSON.stringify({ ...options, path })]);
  cleanUps.push(async () => {
    if (primary.exitCode === null) primary.kill();
    await gone(primary);
  });
  await once(primary, 'message');
  await drive(path, WARM_UP_MS, perSecond);
  const ids = processTree(primary.pid!);
  const used = (): number => sum(ids.map(cpuMicroseconds));
  const before = used();
  const { latencies, failed, served } = await drive(path, durationMs, perSecond);
  const cpuMicros = (used() - before) / latencies.length;
  const ended = gone(primary);
  primary.kill();
  await ended;
  const sorted = ascending(latencies);
  return {
    perSecond: (latencies.length * 1000) / durationMs,
    cpuMicros,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    failed,
    shares: [...served.values()].map((count) => count / latencies.length).sort((a, b) => b - a),
  };
}

function gone(child: ChildProcess): Promise<unknown> {
  return child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
}

interface Driven {
  readonly latencies: number[];
  readonly served: Map<number, number>;
  failed: number;
}

function drive(path: string, durationMs: number, perSecond: number | undefined): Promise<Driven> {
  const driven: Driven = { latencies: [], served: new Map(), failed: 0 };
  const endMs = performance.now() + durationMs;
  let open = 0;
  return new Promise((resolve) => {
    const exchange = (onEnd: () => void): void => {
      const startMs = performance.now();
      open++;
      const socket = connect(path);
      socket.on('connect', () => socket.write('ask!'));
      socket.once('data', (answer) => {
        driven.latencies.push(performance.now() - startMs);
        const worker = answer[0]!;
        driven.served.set(worker, (driven.served.get(worker) ?? 0) + 1);
        socket.destroy();
      });
      socket.on('error', () => driven.failed++);
      socket.once('close', () => {
        open--;
        onEnd();
      });
    };
    const isOver = (): boolean => performance.now() >= endMs;
    if (perSecond === undefined) {
      const again = (): void => {
        if (!isOver()) exchange(again);
        else if (open === 0) resolve(driven);
      };
      for (let count = 0; count < IN_FLIGHT; count++) again();
      return;
    }
    let due = 0;
    const beganMs = performance.now();
    const timer = setInterval(() => {
      const goal = ((performance.now() - beganMs) / 1000) * perSecond;
      for (; due < goal; due++)
        exchange(() => {
          if (isOver() && open === 0) resolve(driven);
        });
      if (isOver()) clearInterval(timer);
    }, 1);
  });
}
