/** Several workers as a command: `node dist/bench/workers/cli.js --help`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine, namesOf, wholeNumber } from '../load/command-line';
import { machineFacts } from '../load/machine';
import { markdown } from '../load/markdown';
import { runCommand, type CleanUps } from '../load/run-command';
import { median, sum } from '../load/statistics';
import { verdictLine, type Verdict } from '../load/verdict';
import { Carrying, type Carried } from './carrying';
import { compileReplay } from './replay';
import { measureSharing, WAYS, type Shared } from './sharing';

const QUESTIONS = ['sharing', 'waking', 'carrying'] as const;

const COMMAND = commandLine({
  make: 'workers',
  program: 'workers/cli.js',
  about: `
How connections come to several processes (sharing), what it costs that all of them wait for each (waking), and what two
workers carry with records that are looped back in the process (carrying: its driver is in C, and compiled first). Without Kafka.
Ends with status 1 when two workers carry less than 1.3 times what one does, or a request costs them more than 1.08 times as much.`,
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
/** What is compared. */
const COUNTS = [1, WORKERS];
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
  const folder = await mkdtemp(join(tmpdir(), 'kong-kafka-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const program = await compileReplay(folder);
  const servers: Carrying[] = [];
  for (const workers of COUNTS) servers.push(await Carrying.start(workers, program, folder, cleanUps));
  const found: Round[] = [];
  for (let round = 0; round < rounds; round++) found.push(await oneRound(servers, durationMs, round));
  process.stdout.write(
    `\nrecords looped back, 256 in flight, medians of ${rounds} rounds\n\n${carriedTable(found)}\n\n`,
  );
  const verdicts = [rateVerdict(found), costVerdict(found), lostVerdict(found)];
  for (const verdict of verdicts) process.stdout.write(`${verdictLine(verdict)}\n`);
  return verdicts.every(({ holds }) => holds);
}

/** In the order of COUNTS. */
type Round = readonly Carried[];

/** Every other one goes backwards, so that nobody is always the first. */
async function oneRound(servers: readonly Carrying[], durationMs: number, round: number): Promise<Round> {
  const isBackwards = round % 2 === 1;
  const carried: Carried[] = [];
  for (const server of isBackwards ? servers.toReversed() : servers)
    carried.push(await server.measure(durationMs));
  return isBackwards ? carried.reverse() : carried;
}

function carriedTable(rounds: readonly Round[]): string {
  const rows = [
    ['workers', 'req/s', 'least to most', 'CPU each (µs)', 'least to most', 'driver (µs)', 'p99 (ms)'],
  ];
  COUNTS.forEach((count, index) => {
    const column = (name: keyof Carried): number[] => rounds.map((round) => round[index]![name]);
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
  });
  return markdown(rows);
}

/** Within a round: what else the machine does changes from one to the next. */
function ratios(rounds: readonly Round[], name: 'perSecond' | 'cpuMicros'): number[] {
  return rounds.map(([one, several]) => several![name] / one![name]);
}

function rateVerdict(rounds: readonly Round[]): Verdict {
  const all = ratios(rounds, 'perSecond');
  return {
    rule: `${WORKERS} workers carry at least ${GOALS.carried} times what one does`,
    found: medianAndAll(all),
    holds: median(all) >= GOALS.carried,
  };
}

function costVerdict(rounds: readonly Round[]): Verdict {
  const all = ratios(rounds, 'cpuMicros');
  return {
    rule: `a request costs them at most ${GOALS.cost} times the CPU`,
    found: medianAndAll(all),
    holds: median(all) <= GOALS.cost,
  };
}

function lostVerdict(rounds: readonly Round[]): Verdict {
  const lost = sum(rounds.flat().map((carried) => carried.lost));
  return { rule: 'nothing is lost', found: String(lost), holds: lost === 0 };
}

function medianAndAll(all: readonly number[]): string {
  return `${median(all).toFixed(2)} (${all.map((ratio) => ratio.toFixed(2)).join(', ')})`;
}
