/**
 * The drill: a broker is stopped and started again under load, while clients call the gateway at a steady rate.
 *
 *   const report = await runDrill({ stops: drillStops(1), plugins: 'pair', ratePerSecond: 100 });
 *
 * Everything is real but Kong, whose part the stand-in gateway plays: one Kafka node, a responder without a group, the
 * plugin server, HTTP clients. Resolves when all of it has been stopped again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, type KafkaServer } from '../../dev/kafka/server';
import type { PluginForm } from '../../dev/plugin-form';
import { PluginServerProcess, startGatewayProcess, startResponderProcess } from '../../dev/stack';
import { stopReport, type StopReport, type StopSignal, type StopTimes } from './outcome';
import { OpenLoop } from '../load/open-loop';
import { sum } from '../load/statistics';
import { oneRoute } from '../load/one-route';

export interface PlannedStop {
  readonly signal: StopSignal;
  /** From the signal to the command to start again; the start itself takes another one to three seconds. */
  readonly outageMs: number;
}

export interface DrillOptions {
  readonly stops: readonly PlannedStop[];
  readonly plugins: PluginForm;
  readonly ratePerSecond: number;
  /** Default: 1. */
  readonly workers?: number;
  /** Of load before the first stop; default 10 s. */
  readonly warmUpMs?: number;
  /** Called when a stop is over, but before the last answers of its requests are in. */
  readonly onStop?: (stop: PlannedStop, number: number) => void;
}

export interface DrillReport {
  readonly stops: readonly StopReport[];
  /** Of all requests, those before the first stop included. */
  readonly sent: number;
  readonly lost: number;
  readonly crossed: number;
  /** Requests that the plugin server still had open when all clients had their answers. */
  readonly stillOpen: number;
}

const SHORTEST_OUTAGE_MS = 1000;
const LONGEST_OUTAGE_MS = 8000;
/** Before the first stop, or the first refusals would be as slow as programs are that have just been started. */
const WARM_UP_MS = 10_000;
/** How long nothing but 200s must have come before the next stop. */
const STEADY_MS = 2000;
/** An answer that takes longer is not what a working gateway gives. */
const ANSWERED_WITHIN_MS = 500;
/** A drill that does not recover goes on to the next stop after this, and says so. */
const RECOVERY_LIMIT_MS = 15_000;
const PARTITIONS = 4;
const TOPICS = { request: 'drill.requests', reply: 'drill.replies' };

/** Outages spread evenly over 1 to 8 s, long and short in turns; orderly stops and crashes in turns. */
export function drillStops(count: number): PlannedStop[] {
  // Steps without a common divisor visit every one of the lengths once.
  let step = 7;
  while (greatestCommonDivisor(step, count) !== 1) step++;
  return Array.from({ length: count }, (_, index) => {
    const position = count === 1 ? 0 : (index * step) % count;
    const share = count === 1 ? 0 : position / (count - 1);
    return {
      signal: index % 2 === 0 ? 'SIGTERM' : 'SIGKILL',
      outageMs: Math.round(SHORTEST_OUTAGE_MS + share * (LONGEST_OUTAGE_MS - SHORTEST_OUTAGE_MS)),
    };
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const kafka = await startKafka();
    cleanUps.push(() => kafka.stop());
    for (const topic of Object.values(TOPICS)) await kafka.createTopic(topic, { partitions: PARTITIONS });
    const responder = await startResponderProcess(kafka.bootstrapServers, [TOPICS.request]);
    cleanUps.push(() => responder.stop());
    const server = await PluginServerProcess.start({ flags: ['--workers', String(options.workers ?? 1)] });
    cleanUps.push(() => server.stop());
    const gateway = await startGatewayProcess(
      server,
      oneRoute('drill', options.plugins, kafka, { topic: TOPICS.request, reply_topic: TOPICS.reply }),
      0,
    );
    cleanUps.push(() => gateway.child.stop());
    const target = { url: `${gateway.url}/drill`, name: 'gateway' };
    const load = new OpenLoop(() => target, options.ratePerSecond);
    return { ...(await drill(kafka, load, options)), stillOpen: sum(await server.pending()) };
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

async function drill(
  kafka: KafkaServer,
  load: OpenLoop,
  options: DrillOptions,
): Promise<Omit<DrillReport, 'stillOpen'>> {
  load.start();
  const times: StopTimes[] = [];
  try {
    await delay(options.warmUpMs ?? WARM_UP_MS);
    for (const [index, stop] of options.stops.entries()) {
      times.push(await stopAndStart(kafka, load, stop));
      options.onStop?.(stop, index + 1);
    }
  } finally {
    await load.finish();
  }
  const { outcomes } = load;
  return {
    stops: times.map((at, index) => stopReport((options.stops[index] as PlannedStop).signal, at, outcomes)),
    sent: outcomes.length,
    lost: outcomes.filter(({ status }) => status === undefined).length,
    crossed: outcomes.filter(({ crossed }) => crossed).length,
  };
}

async function stopAndStart(kafka: KafkaServer, load: OpenLoop, stop: PlannedStop): Promise<StopTimes> {
  const [node] = kafka.nodes;
  if (node === undefined) throw new Error('A cluster has a first node.');
  const stoppedMs = performance.now();
  await node.stop(stop.signal);
  await delay(Math.max(stoppedMs + stop.outageMs - performance.now(), 0));
  const startedMs = performance.now();
  await node.start();
  const servesMs = performance.now();
  await steady(load, servesMs);
  return { stoppedMs, startedMs, servesMs, endMs: performance.now() };
}

/** Resolves when everything due has its answer, and that was 200 for a while, or when there is no more hope of that. */
async function steady(load: OpenLoop, servesMs: number): Promise<void> {
  while (performance.now() < servesMs + RECOVERY_LIMIT_MS) {
    await delay(100);
    const dueMs = performance.now() - ANSWERED_WITHIN_MS;
    const sinceMs = Math.max(servesMs, dueMs - STEADY_MS);
    if (dueMs - sinceMs < STEADY_MS) continue;
    const due = load.outcomes.filter(({ sentMs }) => sentMs < dueMs);
    if (due.every(({ endedMs, status }) => endedMs !== undefined && (endedMs < sinceMs || status === 200)))
      return;
  }
}
