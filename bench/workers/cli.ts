/** Several workers as a command: `node dist/bench/workers/cli.js --help`. */
import { commandLine, namesOf, wholeNumber } from '../load/command-line';
import { LoadProcess } from '../load/load-process';
import { machineFacts } from '../load/machine';
import { markdown } from '../load/markdown';
import { runCommand, type CleanUps } from '../load/run-command';
import { median } from '../load/statistics';
import { verdictLine, type Verdict } from '../load/verdict';
import { Carrying, type Carried } from './carrying';
import { measureSharing, WAYS, type Shared } from './sharing';

const QUESTIONS = ['sharing', 'waking', 'carrying'] as const;

const COMMAND = commandLine({
  make: 'workers',
  program: 'workers/cli.js',
  about: `
How connections come to several processes (sharing), what it costs that all of them wait for each (waking), and what two
workers carry with records that are looped back in the process (carrying). Without Kafka. Ends with status 1 when two workers
carry less than 1.3 times what one does, or a request costs them more than 1.08 times as much.`,
  flags: {
    only: namesOf(QUESTIONS, {
      says: `which questions: ${QUESTIONS.join(', ')}`,
      byDefault: QUESTIONS,
      shownDefault: 'all',
    }),
    seconds: wholeNumber({ says: 'of each measurement', byDefault: 8 }),
    rounds: wholeNumber({ says: 'of each measurement of carrying', byDefault: 5 }),
  },
});

const GOALS = { carried: 1.3, cost: 1.08 };
const WORKERS = 2;
/** About what the client library needs for a request and its reply. */
const CLIENT_US = 60;
/** Of every 200 ms. */
const BUSY_MS = 150;
const WAKING_PER_SECOND = 1000;

runCommand(COMMAND, async ({ only, seconds, rounds }, cleanUps) => {
  process.stdout.write(`Measurements of ${seconds} s each on ${await machineFacts()}.\n`);
  const durationMs = seconds * 1000;
  if (only.includes('sharing')) await sharing(durationMs, cleanUps);
  if (only.includes('waking')) await waking(durationMs, cleanUps);
  return only.includes('carrying') ? carrying(durationMs, rounds, cleanUps) : true;
});

async function sharing(durationMs: number, cleanUps: CleanUps): Promise<void> {
  const rows = [['way', 'first worker', ...HEADS]];
  for (const busyMs of [0, BUSY_MS])
    for (const way of WAYS) {
      const shared = await measureSharing({ way, workers: WORKERS, busyMs, workMs: 0 }, durationMs, cleanUps);
      rows.push([way, busyMs === 0 ? 'as the other' : `away ${busyMs} of 200 ms`, ...cells(shared)]);
    }
  process.stdout.write(
    `\n${WORKERS} workers, 64 connections at a time, one exchange each\n\n${markdown(rows)}\n`,
  );
}

/** All idle workers wake for each connection, and one gets it. */
async function waking(durationMs: number, cleanUps: CleanUps): Promise<void> {
  const rows = [['workers', ...HEADS]];
  for (const workers of [1, 2, 4, 8, 16]) {
    const options = { way: 'shared', workers, busyMs: 0, workMs: 0 } as const;
    rows.push([
      String(workers),
      ...cells(await measureSharing(options, durationMs, cleanUps, WAKING_PER_SECOND)),
    ]);
  }
  process.stdout.write(`\nshared, ${WAKING_PER_SECOND} connections per second\n\n${markdown(rows)}\n`);
}

const HEADS = ['per second', 'CPU each (µs)', 'p50 (ms)', 'p99 (ms)', 'failed', 'shares of the workers'];

function cells({ perSecond, cpuMicros, p50Ms, p99Ms, failed, shares }: Shared): string[] {
  return [
    perSecond.toFixed(0),
    cpuMicros.toFixed(0),
    p50Ms.toFixed(2),
    p99Ms.toFixed(1),
    String(failed),
    shares.map((share) => `${(share * 100).toFixed(0)} %`).join(', '),
  ];
}

async function carrying(durationMs: number, rounds: number, cleanUps: CleanUps): Promise<boolean> {
  const driver = await LoadProcess.start('growth/driver');
  cleanUps.push(() => driver.stop());
  // Without a client the driver needs as much as a worker, and there is no core left for a second one to win.
  const bare = await compared(0, driver, durationMs, rounds, cleanUps);
  const withClient = await compared(CLIENT_US, driver, durationMs, rounds, cleanUps);
  const verdicts = [costVerdict(bare), rateVerdict(withClient), lostVerdict([bare, withClient])];
  for (const verdict of verdicts) process.stdout.write(`${verdictLine(verdict)}\n`);
  return verdicts.every(({ holds }) => holds);
}

type Figures = ReadonlyMap<number, readonly Carried[]>;

/** One worker and several, in turns. */
async function compared(
  clientMicros: number,
  driver: LoadProcess,
  durationMs: number,
  rounds: number,
  cleanUps: CleanUps,
): Promise<Figures> {
  const figures = new Map<number, Carried[]>();
  const counts = [1, WORKERS];
  const servers = new Map<number, Carrying>();
  for (const count of counts) servers.set(count, await Carrying.start(count, clientMicros, driver, cleanUps));
  // Every other round goes backwards, so that nobody is always the first.
  for (let round = 0; round < rounds; round++) {
    for (const count of round % 2 === 0 ? counts : [...counts].reverse()) {
      const carried = await servers.get(count)!.measure(durationMs);
      figures.set(count, [...(figures.get(count) ?? []), carried]);
    }
  }
  const rows = [
    ['workers', 'req/s', 'least to most', 'CPU each (µs)', 'least to most', 'driver (µs)', 'p99 (ms)'],
  ];
  for (const [count, of] of figures) {
    const column = (name: keyof Carried): number[] => of.map((one) => one[name]);
    const spread = (name: keyof Carried): string =>
      `${Math.min(...column(name)).toFixed(0)}–${Math.max(...column(name)).toFixed(0)}`;
    rows.push([
      String(count),
      median(column('perSecond')).toFixed(0),
      spread('perSecond'),
      median(column('cpuMicros')).toFixed(0),
      spread('cpuMicros'),
      median(column('driverMicros')).toFixed(0),
      median(column('p99Ms')).toFixed(1),
    ]);
  }
  const client = clientMicros === 0 ? 'no client' : `${clientMicros} µs for the client`;
  process.stdout.write(
    `\nrecords looped back, ${client}, 256 in flight, medians of ${rounds} rounds\n\n${markdown(rows)}\n\n`,
  );
  return figures;
}

/** Ratios within a round: what else the machine does changes from one to the next. */
function ratios(figures: Figures, name: 'perSecond' | 'cpuMicros'): number[] {
  const [one = [], several = []] = [figures.get(1), figures.get(WORKERS)];
  return several.map((carried, round) => carried[name] / one[round]![name]);
}

function rateVerdict(figures: Figures): Verdict {
  const all = ratios(figures, 'perSecond');
  return {
    rule: `${WORKERS} workers carry at least ${GOALS.carried} times what one does, with ${CLIENT_US} µs for the client`,
    found: `${median(all).toFixed(2)} (${all.map((ratio) => ratio.toFixed(2)).join(', ')})`,
    holds: median(all) >= GOALS.carried,
  };
}

function costVerdict(figures: Figures): Verdict {
  const all = ratios(figures, 'cpuMicros');
  return {
    rule: `a request costs at most ${GOALS.cost} times the CPU, without a client`,
    found: `${median(all).toFixed(2)} (${all.map((ratio) => ratio.toFixed(2)).join(', ')})`,
    holds: median(all) <= GOALS.cost,
  };
}

function lostVerdict(all: readonly Figures[]): Verdict {
  const lost = all
    .flatMap((figures) => [...figures.values()].flat())
    .reduce((sum, figure) => sum + figure.lost, 0);
  return { rule: 'nothing is lost', found: String(lost), holds: lost === 0 };
}
