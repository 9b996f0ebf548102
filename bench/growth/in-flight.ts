/**
 * Rate and cost against the number of requests in flight: in a closed loop, where the service answers at once and the
 * requests queue for the gateway, and at a steady rate, where the service takes its time and the requests wait for it.
 */
import { readFileSync } from 'node:fs';
import type { Answer } from './answer';
import { costCharts } from './chart';
import { answered, curveTable, staysFlat, type Curve, type Point } from './curve';
import type { Stage } from './stage';

/** More would be refused: a second of queue is what the plugin server calls overloaded. */
const QUEUED = [10, 30, 100, 300, 1000, 2000];
const WAITING = [30, 300, 1000, 3000, 10_000, 20_000];
const WAITING_PER_SECOND = 1500;
/** The driver and the plugin server have a file for each request, and at a steady rate more wait when answers are late. */
const SPARE_FILES = 4000;

export async function inFlight(stage: Stage): Promise<Answer> {
  const queued = await closedLoop(stage);
  await stage.clear();
  const waiting = await slowService(stage);
  const curves = [queued, waiting];
  return {
    says:
      `Requests in flight. Queued: the service answers at once, a new request for each that ends. Waiting: ` +
      `${WAITING_PER_SECOND.toLocaleString('en')} requests per second, the service takes as long as so many need.`,
    table: curveTable('in flight', curves),
    chart: costCharts('Requests in flight', { label: 'requests in flight', scale: 'log' }, curves),
    verdicts: [...curves.map(staysFlat), answered(curves)],
  };
}

async function closedLoop(stage: Stage): Promise<Curve> {
  const topics = await stage.topics('in-flight');
  const server = await stage.server();
  await stage.connect('queued', [stage.route(server, topics)]);
  const points: Point[] = [];
  for (const inFlight of QUEUED) {
    const load = { inFlight, durationMs: stage.durationMs };
    points.push(await stage.measure('queued', [server], load, placeOf(inFlight)));
  }
  return { name: 'queued', points };
}

async function slowService(stage: Stage): Promise<Curve> {
  const server = await stage.server();
  const points: Point[] = [];
  for (const inFlight of waitingWithin(openFileLimit())) {
    const delayMs = Math.round((inFlight * 1000) / WAITING_PER_SECOND);
    const topics = await stage.topics(`in-flight-${inFlight}`, {}, `,delay-ms=${delayMs}`);
    await stage.connect('waiting', [stage.route(server, topics)]);
    const load = { perSecond: WAITING_PER_SECOND, rampMs: delayMs, durationMs: stage.durationMs };
    points.push(await stage.measure('waiting', [server], load, placeOf(inFlight)));
  }
  return { name: 'waiting', points };
}

/** The largest is as large as the machine lets a process have. */
export function waitingWithin(openFiles: number): number[] {
  const most = Math.max(Math.floor((openFiles - SPARE_FILES) / 1000) * 1000, 1000);
  return [...new Set(WAITING.map((inFlight) => Math.min(inFlight, most)))];
}

function openFileLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

function placeOf(inFlight: number): Pick<Point, 'x' | 'name'> {
  return { x: inFlight, name: inFlight.toLocaleString('en') };
}
