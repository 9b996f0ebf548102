/**
 * A soak: very many requests of all kinds through one plugin server, and what is left of them in its process.
 *
 *   const report = await runSoak({ requests: 50_000, plugins: 'pair', inFlight: 128, workers: 1, onProgress: console.log });
 *
 * Everything is real but Kong, whose part a driver plays: one Kafka node, a responder, the plugin server. Resolves when
 * all of it has been stopped again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startKafka } from '../../dev/kafka/server';
import type { PluginForm } from '../../dev/plugin-form';
import { startResponderProcess, type PluginServerProcess } from '../../dev/stack';
import { LoadProcess } from '../load/load-process';
import { ProbedProcess } from '../load/probed-process';
import type { SoakCounts, SoakDriverOptions, SoakLoad, SoakQuestion } from './driver';
import { SERVED, TOPICS } from './mix';
import type { Inventory } from '../load/probe';
import type { Stalls } from '../load/stall-watch';
import { sum } from '../load/statistics';

export interface SoakOptions {
  readonly requests: number;
  readonly plugins: PluginForm;
  readonly inFlight: number;
  /** Of the plugin server. */
  readonly workers: number;
  readonly onProgress?: (line: string) => void;
}

/** By process: one, or the primary and its workers. */
export type ByProcess<Value> = Readonly<Record<string, Value>>;

/** What is in the plugin server when nothing is going on. */
export interface RestingState {
  readonly processes: ByProcess<Inventory>;
  readonly instances: number;
  readonly connections: number;
  /** Of Kafka, each with a producer and a reader. */
  readonly clusters: number;
  readonly replyChannels: number;
  /** Events, waits and hand-overs that have not ended. */
  readonly pending: number;
}

export interface SoakReport {
  readonly warmUpRequests: number;
  readonly before: RestingState;
  readonly after: RestingState;
  readonly counts: SoakCounts;
  readonly elapsedMs: number;
  readonly serverStalls: ByProcess<Stalls>;
  readonly bareStalls: Stalls;
}

/** For each worker: what the engine remembers of code that has run, other than machine code, still grew after 20,000. */
const WARM_UP_REQUESTS = 100_000;
const PARTITIONS = 4;
const PROGRESS_MS = 10_000;
/**
 * Then what lingers for a while is gone: connections that Kong pools and events that it might run again for a minute,
 * configurations for half a minute, and the Kafka clients that only they used for another half.
 */
const SETTLE_MS = 70_000;
/** For each worker, a few requests of each kind: what has expired goes when the next one comes. */
const LAST_REQUESTS = 100;
/** Longer than a wait whose client left between the two plugins is kept. */
const LAST_WAITS_MS = 12_000;

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const kafka = await startKafka({ optimizeFor: 'throughput' });
    cleanUps.push(() => kafka.stop());
    for (const topic of TOPICS) await kafka.createTopic(topic, { partitions: PARTITIONS });
    const responder = await startResponderProcess(kafka.bootstrapServers, SERVED);
    cleanUps.push(() => responder.stop());
    const { server, probes } = await ProbedProcess.startPluginServer(
      [],
      ['--workers', String(options.workers)],
    );
    cleanUps.push(() => server.stop());
    const bare = await ProbedProcess.startBare();
    cleanUps.push(() => bare.child.stop());
    const driver = await LoadProcess.start('soak/driver', {
      form: options.plugins,
      sockets: Object.fromEntries(server.plugins.map(({ name, socketPath }) => [name, socketPath])),
      target: { bootstrapServers: kafka.nodes.map(({ port }) => ({ host: '127.0.0.1', port })) },
    } satisfies SoakDriverOptions);
    cleanUps.push(() => driver.stop());
    return await new Soak(server, probes, bare.probe, driver, options).run();
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

class Soak {
  constructor(
    private readonly server: PluginServerProcess,
    private readonly probes: readonly ProbedProcess[],
    private readonly bare: ProbedProcess,
    private readonly driver: LoadProcess,
    private readonly options: SoakOptions,
  ) {}

  async run(): Promise<SoakReport> {
    const { requests, workers } = this.options;
    const warmUpRequests = WARM_UP_REQUESTS * workers;
    this.#say(`warming up with ${warmUpRequests} requests`);
    await this.#requests(warmUpRequests, performance.now());
    const before = await this.#rest();
    for (const probe of this.probes) await probe.watchStalls();
    await this.bare.watchStalls();
    const beganMs = performance.now();
    const counts = await this.#requests(requests, beganMs);
    const elapsedMs = performance.now() - beganMs;
    const [serverStalls, bareStalls] = [
      await this.#each((probe) => probe.stalls()),
      await this.bare.stalls(),
    ];
    const after = await this.#rest();
    return {
      warmUpRequests,
      before,
      after,
      counts,
      elapsedMs,
      serverStalls,
      bareStalls,
    };
  }

  async #requests(requests: number, beganMs: number): Promise<SoakCounts> {
    let total: SoakCounts | undefined;
    while ((total?.requests ?? 0) < requests) {
      const startedMs = performance.now();
      const left = requests - (total?.requests ?? 0);
      const counts = await this.#load({ mostRequests: left, updates: true });
      total = total === undefined ? counts : addedUp(total, counts);
      const perSecond = (counts.requests * 1000) / (performance.now() - startedMs);
      const inventories = Object.values(await this.#each((probe) => probe.inventory()));
      const each = (of: (inventory: Inventory) => string | number): string => inventories.map(of).join(' + ');
      this.#say(
        `${String(Math.round((performance.now() - beganMs) / 1000)).padStart(4)} s  ${total.requests} requests, ` +
          `${perSecond.toFixed(0)}/s, ${total.updates} updates  ` +
          `heap ${each(({ heapBytes }) => megabytes(heapBytes))} MB, ` +
          `RSS ${each(({ residentBytes }) => megabytes(residentBytes))} MB, ` +
          `${each(({ fileDescriptors }) => fileDescriptors)} fds${troubles(total)}`,
      );
    }
    return total as SoakCounts;
  }

  #load(load: Pick<SoakLoad, 'mostRequests' | 'updates'>): Promise<SoakCounts> {
    return this.#ask({ load: { inFlight: this.options.inFlight, durationMs: PROGRESS_MS, ...load } });
  }

  async #rest(): Promise<RestingState> {
    this.#say(`resting for ${SETTLE_MS / 1000} s`);
    await this.#ask({ rest: true });
    await delay(SETTLE_MS);
    await this.#load({ mostRequests: LAST_REQUESTS * this.options.workers, updates: false });
    await this.#ask({ rest: true });
    await delay(LAST_WAITS_MS);
    // Before the status page is asked: that connection is one more descriptor, for a second or so.
    const processes = await this.#each((probe) => probe.inventory({ afterGc: true }));
    const { plugins } = (await this.server.status()) as { plugins: Record<string, ServedStatus> };
    const served = Object.values(plugins);
    const { clusters = [], reply_channels = [] } = served[0]?.process ?? {};
    return {
      processes,
      instances: sum(served.map(({ instances }) => instances)),
      connections: sum(served.map(({ connections }) => connections)),
      clusters: clusters.length,
      replyChannels: reply_channels.length,
      pending: sum(await this.server.pending()),
    };
  }

  async #each<Value>(ask: (probe: ProbedProcess) => Promise<Value>): Promise<ByProcess<Value>> {
    const values: Record<string, Value> = {};
    for (const probe of this.probes) values[probe.name] = await ask(probe);
    return values;
  }

  #say(line: string): void {
    this.options.onProgress?.(line);
  }

  #ask(question: SoakQuestion): Promise<SoakCounts> {
    return this.driver.ask<SoakCounts>(question);
  }
}

/** What is used of a plugin's part of the status page. */
interface ServedStatus {
  readonly instances: number;
  readonly connections: number;
  readonly process: { readonly clusters: readonly unknown[]; readonly reply_channels: readonly unknown[] };
}

function addedUp(a: SoakCounts, b: SoakCounts): SoakCounts {
  return {
    requests: a.requests + b.requests,
    answers: merged(a.answers, b.answers),
    unexpected: merged(a.unexpected, b.unexpected),
    crossed: a.crossed + b.crossed,
    lost: a.lost + b.lost,
    reruns: a.reruns + b.reruns,
    updates: b.updates,
  };
}

function merged(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const all = { ...a };
  for (const [name, count] of Object.entries(b)) all[name] = (all[name] ?? 0) + count;
  return all;
}

function troubles({ unexpected, crossed, lost }: SoakCounts): string {
  const odd = Object.entries(unexpected).map(([what, count]) => `${count} × ${what}`);
  if (crossed > 0) odd.push(`${crossed} crossed`);
  if (lost > 0) odd.push(`${lost} lost`);
  return odd.length === 0 ? '' : `  ${odd.join(', ')}`;
}

export function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
