/** Rate and cost against replies on the reply topic that belong to other gateways: what each of them costs. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PluginServerProcess } from '../../dev/stack';
import { sum } from '../load/statistics';
import type { Answer } from './answer';
import { costCharts } from './chart';
import { answered, curveTable, growsEvenly, marginalMicros, type Point } from './curve';
import type { ForeignOptions, ForeignQuestion } from './foreign';
import type { Stage } from './stage';

const PER_SECOND = [0, 1000, 5000, 10_000, 20_000, 50_000];
const IN_FLIGHT = 64;
/** Of our own requests, where it is told what the others cost: the same at every point. */
const OWN_PER_SECOND = 200;
/** The broker and our reader have got used to the new rate. */
const SETTLE_MS = 1000;

export async function foreignReplies(stage: Stage): Promise<Answer> {
  const topics = await stage.topics('foreign');
  const server = await stage.server();
  await stage.connect('foreign replies', [stage.route(server, topics)]);
  const { connection } = stage.kafka;
  const foreign = await stage.process('growth/foreign', {
    connection,
    topic: topics.replies,
  } satisfies ForeignOptions);
  const points: Point[] = [];
  for (const perSecond of PER_SECOND) {
    await foreign.ask({ perSecond } satisfies ForeignQuestion);
    await delay(SETTLE_MS);
    const [before, beganMs] = [await foreignSeen(server), performance.now()];
    const loads = { inFlight: IN_FLIGHT, perSecond: OWN_PER_SECOND };
    const asked = { x: perSecond, name: thousands(perSecond) };
    const point = await stage.measureBoth('foreign replies', [server], loads, asked);
    // What has come in fact: a broker that shares the cores may not take as many.
    const x = (((await foreignSeen(server)) - before) * 1000) / (performance.now() - beganMs);
    points.push({ ...point, x, name: thousands(x) });
  }
  const curve = { name: 'foreign replies', points };
  const unit = { one: 'a foreign reply', count: OWN_PER_SECOND };
  const foreignMicros = marginalMicros(points[0] as Point, points.at(-1) as Point) * OWN_PER_SECOND;
  return {
    says:
      `Foreign replies per second on the reply topic, as many as came in fact. Rate and latency with ${IN_FLIGHT} ` +
      `requests in flight, CPU at ${OWN_PER_SECOND} requests per second. At the largest rate a foreign reply costs ` +
      `${foreignMicros.toFixed(1)} µs.`,
    table: curveTable('foreign/s', [curve]),
    chart: costCharts(
      'Foreign replies on the reply topic',
      { label: 'foreign replies per second', scale: 'linear' },
      [curve],
    ),
    verdicts: [growsEvenly(curve, unit), answered([curve])],
  };
}

/** What the server counts as such on its reply topics. */
async function foreignSeen(server: PluginServerProcess): Promise<number> {
  const { plugins } = (await server.status()) as { plugins: Record<string, ServedStatus> };
  // Both plugins tell of the one process.
  const [{ process } = { process: { reply_topics: [] } }] = Object.values(plugins);
  return sum(process.reply_topics.map(({ foreign }) => foreign));
}

/** What is used of a plugin's part of the status page. */
interface ServedStatus {
  readonly process: { readonly reply_topics: readonly { readonly foreign: number }[] };
}

function thousands(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en');
}
