/** What ten thousand requests that wait cost: memory, the precision of their deadlines, and their end at once. */
import { setTimeout as delay } from 'node:timers/promises';
import { ProbedProcess } from '../load/probed-process';
import { residentMegabytes } from '../load/process-usage';
import { SHIPPED_NODE_FLAGS } from '../load/shipped';
import type { Stalls } from '../load/stall-watch';
import { markdown } from '../load/markdown';
import type { Verdict } from '../load/verdict';
import type { Answer } from './answer';
import type { Stage, Topics } from './stage';
import type { WaitingEnd, WaitingLoad, WaitingOptions, WaitingQuestion } from './waiting-driver';

const WAITS = 10_000;
const PER_SECOND = 2000;
const TIMEOUT_MS = 12_000;
/** What is under way for the last of them is done. */
const SETTLE_MS = 500;

const MOST_MEGABYTES = 150;
const MOST_LATE_MS = 50;
const MOST_STALL_MS = 50;

/** How they end. */
const ENDINGS = {
  'one deadline after the other': { timeoutMs: TIMEOUT_MS, oneDeadline: false },
  'all deadlines at once': { timeoutMs: TIMEOUT_MS, oneDeadline: true },
  'all replies at once': { timeoutMs: 60_000, oneDeadline: false },
} as const satisfies Record<string, Pick<WaitingLoad, 'timeoutMs' | 'oneDeadline'>>;

type Ending = keyof typeof ENDINGS;
const ENDING_NAMES = Object.keys(ENDINGS) as Ending[];

export interface Waited extends WaitingEnd {
  readonly ending: Ending;
  /** By how much the plugin server has grown when all of them wait. */
  readonly megabytes: number;
  /** Of its event loop, while they end. */
  readonly stalls: Stalls;
}

export async function waiting(stage: Stage): Promise<Answer> {
  const found: Waited[] = [];
  for (const ending of ENDING_NAMES) {
    // One that answers when the last request is there, or never.
    const together = ending === 'all replies at once' ? WAITS : WAITS + 1;
    const topics = await stage.topics(`waiting-${found.length}`, {}, `,together=${together}`);
    found.push(await waited(stage, topics, ending));
    await stage.clear();
  }
  return {
    says: `${WAITS.toLocaleString('en')} requests that wait, begun at ${PER_SECOND.toLocaleString('en')} per second.`,
    table: waitingTable(found),
    verdicts: waitingVerdicts(found),
  };
}

async function waited(stage: Stage, topics: Topics, ending: Ending): Promise<Waited> {
  const { server, probes } = await ProbedProcess.startPluginServer(SHIPPED_NODE_FLAGS);
  const [probe] = probes;
  stage.keep(server.child.pid, () => server.stop());
  const [producer, consumer] = stage.route(server, topics).plugins;
  if (producer === undefined || consumer === undefined) throw new Error('a route has two plugins');
  const driver = await stage.process('growth/waiting-driver', {
    producer,
    consumer,
  } satisfies WaitingOptions);
  const before = residentMegabytes(server.child.pid);
  const ask = <Result>(question: WaitingQuestion) => driver.ask<Result>(question);
  await ask({ begin: { waits: WAITS, perSecond: PER_SECOND, ...ENDINGS[ending] } });
  const megabytes = residentMegabytes(server.child.pid) - before;
  await probe.watchStalls();
  const end = await ask<WaitingEnd>({ end: true });
  await delay(SETTLE_MS);
  const found = { ending, megabytes, stalls: await probe.stalls(), ...end };
  stage.say(
    `waiting  ${ending.padEnd(29)} ${megabytes.toFixed(0)} MB, late by ${ms(end.lateP99Ms)} ms (p99), ` +
      `stall ${found.stalls.ownMaxMs.toFixed(0)} ms`,
  );
  return found;
}

export function waitingTable(found: readonly Waited[]): string {
  return markdown([
    [
      'they end',
      'answers',
      'RSS MB more',
      'late p99 ms',
      'late max ms',
      'loop busy max ms',
      'all ended within ms',
    ],
    ...found.map(({ ending, statuses, megabytes, lateP99Ms, lateMaxMs, stalls, endedWithinMs }) => [
      ending,
      Object.entries(statuses)
        .map(([status, count]) => `${count} × ${status}`)
        .join(', '),
      megabytes.toFixed(0),
      ms(lateP99Ms),
      ms(lateMaxMs),
      ms(stalls.ownMaxMs),
      ms(endedWithinMs),
    ]),
  ]);
}

export function waitingVerdicts(found: readonly Waited[]): Verdict[] {
  const each = (of: (waited: Waited) => number) => found.map((one) => `${ms(of(one))}`).join(', ');
  const [apart] = found as [Waited];
  return [
    {
      rule: `${WAITS.toLocaleString('en')} waiting: at most ${MOST_MEGABYTES} MB more`,
      found: `${each(({ megabytes }) => megabytes)} MB`,
      holds: found.every(({ megabytes }) => megabytes <= MOST_MEGABYTES),
    },
    {
      rule: `a deadline one after the other: late by at most ${MOST_LATE_MS} ms (p99)`,
      found: `${ms(apart.lateP99Ms)} ms`,
      holds: apart.lateP99Ms <= MOST_LATE_MS,
    },
    {
      rule: `the event loop is never busy for more than ${MOST_STALL_MS} ms while they end`,
      found: `${each(({ stalls }) => stalls.ownMaxMs)} ms`,
      holds: found.every(({ stalls }) => stalls.ownMaxMs <= MOST_STALL_MS),
    },
    {
      rule: 'each got what it should',
      found: found.map(({ statuses }) => JSON.stringify(statuses)).join(', '),
      holds: found.every(
        ({ ending, statuses }) => statuses[ending === 'all replies at once' ? '200' : '504'] === WAITS,
      ),
    },
  ];
}

function ms(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(0);
}
