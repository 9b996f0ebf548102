/** From the start of the process to the first answer, and its memory when it has nothing to do. */
import { setTimeout as delay } from 'node:timers/promises';
import { markdown } from '../load/markdown';
import { residentMegabytes } from '../load/process-usage';
import { median } from '../load/statistics';
import type { Verdict } from '../load/verdict';
import type { Answer } from './answer';
import type { GrowthTarget } from './driver';
import type { Stage, Topics } from './stage';

const STARTS = 5;
/** After the first answer. */
const IDLE_MS = 3000;

const MOST_START_MS = 1000;
const MOST_IDLE_MEGABYTES = 80;

export interface Start {
  readonly servingMs: number;
  readonly firstAnswerMs: number;
  readonly servingMegabytes: number;
  readonly idleMegabytes: number;
}

export async function start(stage: Stage): Promise<Answer> {
  const topics = await stage.topics('start');
  const starts: Start[] = [];
  for (let number = 0; number < STARTS; number++) starts.push(await started(stage, topics));
  return {
    says: `From the start of the plugin server to its first 200, and its memory ${IDLE_MS / 1000} s later.`,
    table: startTable(starts),
    verdicts: startVerdicts(starts),
  };
}

async function started(stage: Stage, topics: Topics): Promise<Start> {
  const beganMs = performance.now();
  const server = await stage.server();
  const servingMs = performance.now() - beganMs;
  const servingMegabytes = residentMegabytes(server.child.pid);
  const { driver } = stage;
  await driver.connect('start', { routes: [stage.route(server, topics)] } satisfies GrowthTarget);
  const { lost, crossed } = await driver.run('start', { inFlight: 1, durationMs: 1 });
  const firstAnswerMs = performance.now() - beganMs;
  if (lost + crossed > 0) throw new Error('the first request of a plugin server was not answered with 200');
  await delay(IDLE_MS);
  const idleMegabytes = residentMegabytes(server.child.pid);
  await server.stop();
  stage.say(
    `start            serving after ${servingMs.toFixed(0)} ms, first 200 after ${firstAnswerMs.toFixed(0)} ms, ` +
      `then idle with ${idleMegabytes.toFixed(0)} MB`,
  );
  return { servingMs, firstAnswerMs, servingMegabytes, idleMegabytes };
}

export function startTable(starts: readonly Start[]): string {
  const row = (name: string, of: (start: Start) => number) => {
    const values = starts.map(of);
    return [name, median(values).toFixed(0), Math.min(...values).toFixed(0), Math.max(...values).toFixed(0)];
  };
  return markdown([
    ['', 'median', 'least', 'most'],
    row('serving, ms', ({ servingMs }) => servingMs),
    row('first 200, ms', ({ firstAnswerMs }) => firstAnswerMs),
    row('RSS when serving, MB', ({ servingMegabytes }) => servingMegabytes),
    row('RSS when idle after it, MB', ({ idleMegabytes }) => idleMegabytes),
  ]);
}

export function startVerdicts(starts: readonly Start[]): Verdict[] {
  const middle = (of: (start: Start) => number) => median(starts.map(of));
  const firstAnswerMs = middle((each) => each.firstAnswerMs);
  const idleMegabytes = middle((each) => each.idleMegabytes);
  return [
    {
      rule: `the first 200 at most ${MOST_START_MS} ms after the start`,
      found: `${firstAnswerMs.toFixed(0)} ms`,
      holds: firstAnswerMs <= MOST_START_MS,
    },
    {
      rule: `at most ${MOST_IDLE_MEGABYTES} MB when idle`,
      found: `${idleMegabytes.toFixed(0)} MB`,
      holds: idleMegabytes <= MOST_IDLE_MEGABYTES,
    },
  ];
}
