/**
 * The same connections to a plugin server as a process, with its workers: whatever comes, none of them ends, none keeps memory,
 * and what is in order is answered.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../../../dev/child-process';
import { freePorts } from '../../../dev/kafka/ports';
import { PLUGIN_SERVER } from '../../../dev/stack';
import { assertServes, closeInstances, EVENT_SAMPLES, startInstance, talkEvents } from '../events';
import { assertWholeFrames } from '../talk';
import type { FuzzTarget, TargetOptions } from '../target';

const PLUGIN = join(__dirname, '..', 'event-plugin');
/** The same input on several connections at a time, or one worker would take them all. */
const CONNECTIONS_PER_WORKER = 4;
const CASES_PER_LOOK = 50;
/** Then everything is compiled. */
const WARM_LOOKS = 20;
/** Of each process: what its heap may take before it collects. */
const MOST_GROWTH_BYTES = 50 * 1024 * 1024;
const SETTLE_MS = 5000;

/** What is used of the status page. */
interface Status {
  readonly memory_rss_bytes: number;
  readonly plugins: { readonly demo: { readonly open_events: number; readonly connections: number } };
  readonly workers?: readonly { readonly number: number; readonly pid: number; readonly restarts: number }[];
}

let server: Child | undefined;
let folder = '';
const socketPath = (): string => join(folder, 's.sock');
let statusUrl = '';
let connections = 0;
let instanceId = 0;
let looks = 0;
let first: Status | undefined;
let warm: Status | undefined;

async function start({ workers }: TargetOptions): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  connections = CONNECTIONS_PER_WORKER * workers;
  const [port] = await freePorts(1);
  statusUrl = `http://127.0.0.1:${port}/status`;
  const flags = ['--workers', String(workers), '--status-port', String(port)];
  server = new Child('plugin server', [PLUGIN_SERVER, '--plugin', `${PLUGIN}=${socketPath()}`, ...flags]);
  await server.until(/"serving"/);
  instanceId = await startInstance(socketPath());
  looks = 0;
  first = warm = undefined;
  await look();
}

async function end(): Promise<void> {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function atOnce<Result>(one: () => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: connections }, one));
}

/** How it is, after some cases. */
async function look(): Promise<void> {
  await renewInstance();
  await atOnce(() => assertServes(socketPath(), instanceId));
  const now = await settled();
  if (process.env['DBG']) console.error(Math.round(performance.now()/1000), cases, JSON.stringify([now.memory_rss_bytes, ...(now.workers??[]).map((w:any)=>[w.memory_rss_bytes])]), (now.plugins.demo as any).instances);
  first ??= now;
  assert.deepEqual(processes(now), processes(first), 'a worker has ended');
  if (++looks < WARM_LOOKS) return;
  warm ??= now;
  const grownBytes = now.memory_rss_bytes - warm.memory_rss_bytes;
  const mostBytes = MOST_GROWTH_BYTES * (1 + processes(now).length);
  assert.ok(grownBytes <= mostBytes, `memory has grown by ${grownBytes} bytes`);
}

/** A case may have closed the one there was, and others have started some. Ids are given in turn. */
async function renewInstance(): Promise<void> {
  const id = await startInstance(socketPath());
  await closeInstances(socketPath(), instanceId, id);
  instanceId = id;
}

const processes = ({ workers = [] }: Status): object[] =>
  workers.map(({ number, pid, restarts }) => ({ number, pid, restarts }));

/** Nothing is left open. */
async function settled(): Promise<Status> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const status = (await (await fetch(statusUrl)).json()) as Status;
    const { open_events, connections: open } = status.plugins.demo;
    if (open_events === 0 && open === 0) return status;
    assert.ok(performance.now() < endMs, `${open_events} events and ${open} connections are left`);
    await delay(10);
  }
}

let cases = 0;

export const PROCESS: FuzzTarget = {
  name: 'process',
  samples: EVENT_SAMPLES,
  shortCases: 50,
  start,
  end,
  run: async (input) => {
    for (const written of await atOnce(() => talkEvents(socketPath(), input, instanceId)))
      assertWholeFrames(written);
    if (++cases % CASES_PER_LOOK === 0) await look();
  },
};
