/**
 * Upgrades between one worker and two, and workers that are killed, both under a steady load and around a real Kafka. What
 * became of each request is compared with the records of the request topic.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import type { PluginForm } from '../../dev/plugin-form';
import { PluginServerProcess, startGatewayProcess, startResponderProcess } from '../../dev/stack';
import { OpenLoop, type Outcome } from '../load/open-loop';
import { nonceOf } from '../load/payload';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import { sum } from '../load/statistics';
import { oneRoute } from '../load/one-route';
import { readWholeTopic } from '../load/whole-topic';

export interface WorkerDrillOptions {
  readonly plugins: PluginForm;
  readonly upgrades: number;
  readonly killSeconds: number;
  readonly killEverySeconds: number;
  readonly ratePerSecond: number;
  readonly say: (line: string) => void;
}

export interface DrillPart {
  readonly outcomes: readonly Outcome[];
  /** When something was done, as times of outcomes. */
  readonly atMs: readonly number[];
  readonly stillOpen: number;
}

export interface WorkerDrillReport {
  /** The load alone: what is lost here is lost because the machine is too busy for it. */
  readonly before: Omit<DrillPart, 'stillOpen'>;
  readonly upgrades: DrillPart;
  readonly kills: DrillPart;
  /** Records of the request topic, by the request they are. */
  readonly records: ReadonlyMap<string, number>;
}

const TOPICS = { request: 'workers.requests', reply: 'workers.replies' };
const PARTITIONS = 4;
const WORKERS = 2;
/** Worker counts that follow each other: 1 to 2, 2 to 2, 2 to 1. */
const COUNTS = [2, 2, 1] as const;
const SETTLE_MS = 1500;
const BEFORE_MS = 10_000;
const READY_LIMIT_MS = 60_000;

interface Worker {
  readonly number: number;
  readonly pid?: number;
  readonly state: string;
}

export async function runWorkerDrill(options: WorkerDrillOptions): Promise<WorkerDrillReport> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const kafka = await startKafka();
    cleanUps.push(() => kafka.stop());
    for (const topic of Object.values(TOPICS)) await kafka.createTopic(topic, { partitions: PARTITIONS });
    const responder = await startResponderProcess(kafka.bootstrapServers, [`${TOPICS.request},delay-ms=50`]);
    cleanUps.push(() => responder.stop());
    let server = await startServer(1);
    cleanUps.push(() => server.stop());
    const gateway = await startGatewayProcess(
      server,
      oneRoute('workers', options.plugins, kafka, { topic: TOPICS.request, reply_topic: TOPICS.reply }),
      0,
    );
    cleanUps.push(() => gateway.child.stop());
    const target = { url: `${gateway.url}/workers`, name: 'gateway' };
    await firstAnswer(target.url);

    const before = await part(target, options, () => delay(BEFORE_MS));
    const upgrades = await part(target, options, async (note) => {
      for (let upgrade = 0; upgrade < options.upgrades; upgrade++) {
        const count = COUNTS[upgrade % COUNTS.length]!;
        const last = server;
        note();
        server = await startServer(count, last);
        last.child.kill('SIGTERM');
        options.say(`upgrade ${upgrade + 1}: ${count} worker${count === 1 ? '' : 's'} now`);
        await delay(SETTLE_MS);
      }
    });
    const openAfterUpgrades = sum(await server.pending());
    if (options.upgrades % COUNTS.length === 0) {
      const last = server;
      server = await startServer(WORKERS, last);
      last.child.kill('SIGTERM');
    }
    const kills = await part(target, options, async (note) => {
      const endMs = performance.now() + options.killSeconds * 1000;
      for (let kill = 0; performance.now() < endMs; kill++) {
        await delay(options.killEverySeconds * 1000);
        const { workers = [] } = (await server.status()) as { workers?: readonly Worker[] };
        const { number, pid } = workers[kill % WORKERS]!;
        if (pid === undefined) continue;
        note();
        process.kill(pid, 'SIGKILL');
        options.say(`worker ${number} killed`);
      }
      await delay(SETTLE_MS);
    });
    return {
      before,
      upgrades: { ...upgrades, stillOpen: openAfterUpgrades },
      kills: { ...kills, stillOpen: sum(await server.pending()) },
      records: await readBack(kafka),
    };
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

function startServer(workers: number, last?: PluginServerProcess): Promise<PluginServerProcess> {
  return PluginServerProcess.start({
    nodeFlags: SHIPPED_NODE_FLAGS,
    flags: ['--workers', String(workers)],
    ...(last && { folder: last.folder }),
  });
}

async function part(
  target: { readonly url: string; readonly name: string },
  { ratePerSecond }: WorkerDrillOptions,
  act: (note: () => void) => Promise<void>,
): Promise<Omit<DrillPart, 'stillOpen'>> {
  const load = new OpenLoop(() => target, ratePerSecond);
  const atMs: number[] = [];
  load.start();
  try {
    await act(() => atMs.push(performance.now()));
  } finally {
    await load.finish();
  }
  return { outcomes: load.outcomes, atMs };
}

async function firstAnswer(url: string): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const status = await fetch(url, { method: 'POST', body: '{}' }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => undefined,
    );
    if (status === 200) return;
    if (performance.now() > deadlineMs) throw new Error(`The gateway answers ${status ?? 'nothing'}.`);
    await delay(100);
  }
}

async function readBack(kafka: KafkaServer): Promise<Map<string, number>> {
  const records = new Map<string, number>();
  await readWholeTopic(kafka, TOPICS.request, PARTITIONS, ({ value }) => {
    const nonce = value === null ? undefined : nonceOf(value);
    if (nonce !== undefined) records.set(nonce, (records.get(nonce) ?? 0) + 1);
  });
  return records;
}
