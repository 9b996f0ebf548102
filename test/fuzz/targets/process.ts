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
/** A small young heap, so that memory grows by what is kept. */
const NODE_FLAGS = ['--max-semi-space-size=2'];
/** The same input on several connections at a time, or one worker would take them all. */
const CONNECTIONS_PER_WORKER = 4;
const CASES_PER_LOOK = 50;
/** Of each process, above what it had at first: code that was compiled, buffers that are kept. */
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;
/** Instances that were closed are there for another minute, thousands of them. */
const BYTES_PER_INSTANCE = 20 * 1024;
const SETTLE_MS = 5000;

/** What is used of the status page. */
interface Status {
  readonly memory_rss_bytes: number;
  readonly plugins: {
    readonly demo: {
      readonly open_events: number;
      readonly connections: number;
      readonly instances: number;
    };
  };
  readonly workers?: readonly { readonly number: number; readonly pid: number; readonly restarts: number }[];
}

let server: Child | undefined;
let folder = '';
const socketPath = (): string => join(folder, 's.sock');
let statusUrl = '';
let connections = 0;
let instanceId = 0;
let first: Status | undefined;

async function start({ workers }: TargetOptions): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  connections = CONNECTIONS_PER_WORKER * workers;
  const [port] = await freePorts(1);
  statusUrl = `http://127.0.0.1:${port}/status`;
  const flags = ['--workers', String(workers), '--status-port', String(port)];
  server = new Child('plugin server', [
    ...NODE_FLAGS,
    PLUGIN_SERVER,
    '--plugin',
    `${PLUGIN}=${socketPath()}`,
    ...flags,
  ]);
  await server.until(/"serving"/);
  instanceId = await startInstance(socketPath());
  first = undefined;
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
  first ??= now;
  assert.deepEqual(processes(now), processes(first), 'a worker has ended');
  const grownBytes = now.memory_rss_bytes - first.memory_rss_bytes;
  const mostBytes =
    (MOST_GROWTH_BYTES + BYTES_PER_INSTANCE * now.plugins.demo.instances) * (1 + processes(now).length);
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
    const talks = atOnce(() => talkEvents(socketPath(), input, instanceId));
    // One that never ends would leave the process behind, as the fuzzer kills its own only.
    const all = await Promise.race([talks, delay(SETTLE_MS, undefined, { ref: false })]);
    assert.ok(all !== undefined, 'a connection is left');
    all.forEach(assertWholeFrames);
    if (++cases % CASES_PER_LOOK === 0) await look();
  },
};
