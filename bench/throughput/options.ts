/** The command lines of `make bench` and `make bench-check`, and the plans that follow from them. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  commandLine,
  nameOf,
  namesOf,
  path,
  toggle,
  UsageError,
  wholeNumber,
  wholeNumberOrNone,
  wholeNumbers,
} from '../load/command-line';
import {
  BUILD_CONTENDER_NAMES,
  CONTENDER_NAMES,
  CONTENDERS,
  USUAL_CONTENDER_NAMES,
  type ContenderName,
} from './contenders';
import type { Plan } from './plan';

/** Of the build that this file belongs to. */
const OWN_DIST = join(__dirname, '..', '..');
/** How the contender of the other build is called in the report. */
export const AGAINST = 'against';

/** One start is enough for an overview; what is to be told apart by a few percent needs several. */
const OVERVIEW = { rounds: 5, starts: 1 };
const COMPARISON = { rounds: 9, starts: 3 };
/** Of more contenders than a comparison has. */
const CHECKS = { rounds: 8, starts: 3 };

const LOAD_FLAGS = {
  seconds: wholeNumber({ says: 'length of each measurement', byDefault: 1 }),
  'in-flight': wholeNumbers({ says: 'requests in flight in the closed loops', byDefault: [1, 32, 256] }),
};

export const BENCH = commandLine({
  make: 'bench',
  program: 'throughput/cli.js',
  about: `
Measures side by side, in turns, on one Kafka and one responder:
${CONTENDER_NAMES.map((name) => `  ${name.padEnd(10)}${CONTENDERS[name].says}`).join('\n')}
Closed loops first, then open loops at shares of the rate that the closed ones have reached; their latencies count from
when a request was meant to start. Ends with status 1 when a request was lost or crossed, or a budget does not hold.
With --against it compares the plugin servers of two builds instead, round by round, and judges nothing but losses.`,
  flags: {
    rounds: wholeNumberOrNone({
      says: 'of all of them',
      shownDefault: `${OVERVIEW.rounds}, with --against ${COMPARISON.rounds}`,
    }),
    starts: wholeNumberOrNone({
      says: 'of the contenders, spread over the rounds',
      shownDefault: `${OVERVIEW.starts}, with --against ${COMPARISON.starts}`,
    }),
    ...LOAD_FLAGS,
    shares: wholeNumbers({ says: 'of the rate in the open loops, in percent', byDefault: [30, 60] }),
    only: namesOf(CONTENDER_NAMES, {
      says: 'leave the others out',
      byDefault: [],
      shownDefault: 'all but log, with --against server',
    }),
    against: path('<folder>', 'compiled files of another build, as in ../before/dist'),
    'against-as': nameOf(BUILD_CONTENDER_NAMES, {
      says: 'what of the other build is measured',
      byDefault: 'server',
    }),
  },
});

export type BenchOptions = NonNullable<ReturnType<typeof BENCH.parse>>;

/** @throws UsageError */
export function benchPlan(options: BenchOptions, dist = OWN_DIST): Plan {
  const { only, against, seconds } = options;
  const { rounds, starts } = against === undefined ? OVERVIEW : COMPARISON;
  const common = {
    rounds: options.rounds ?? rounds,
    starts: options.starts ?? Math.min(starts, options.rounds ?? rounds),
    seconds,
    inFlight: options['in-flight'],
    shares: options.shares.map((percent) => percent / 100),
  };
  if (against === undefined) {
    return { ...common, entries: entriesOf(only.length === 0 ? USUAL_CONTENDER_NAMES : only, dist) };
  }
  const strange = only.find((name) => !CONTENDERS[name].ofBuild);
  if (strange !== undefined)
    throw new UsageError(`--against compares ${BUILD_CONTENDER_NAMES.join(', ')}, and not ${strange}.`);
  const contender = options['against-as'];
  const theirs = { label: AGAINST, contender, dist: otherDist(against, contender) };
  const ours = entriesOf(only.length === 0 ? ['server'] : only, dist);
  return { ...common, entries: [...ours, theirs], pacedBy: AGAINST };
}

export const CHECK = commandLine({
  make: 'bench-check',
  program: 'throughput/check-cli.js',
  about: `
Holds ratios of contenders, which say more about the code than about the machine, against those in
bench/throughput/baseline.json, and ends with status 1 when one is worse: when no round of this run has come up to the
median of the baseline, and the median of this run is beyond every round of the baseline.`,
  flags: {
    rounds: wholeNumber({ says: 'of all contenders', byDefault: CHECKS.rounds }),
    starts: wholeNumber({ says: 'of the contenders, spread over the rounds', byDefault: CHECKS.starts }),
    ...LOAD_FLAGS,
    record: toggle('write what is found as the new baseline'),
  },
});

export type CheckOptions = NonNullable<ReturnType<typeof CHECK.parse>>;

/** What the ratios of baseline.ts are made of. */
const CHECKED: readonly ContenderName[] = ['floor', 'server', 'one-event', 'stock'];

export function checkPlan(options: CheckOptions, dist = OWN_DIST): Plan {
  const { rounds, starts, seconds } = options;
  return {
    entries: entriesOf(CHECKED, dist),
    rounds,
    starts: Math.min(starts, rounds),
    seconds,
    inFlight: options['in-flight'],
    shares: [],
  };
}

function entriesOf(names: readonly ContenderName[], dist: string): Plan['entries'] {
  return names.map((name) => ({ label: name, contender: name, dist }));
}

/** @throws UsageError where no build is, or one from before the contender */
function otherDist(folder: string, contender: ContenderName): string {
  const dist = resolve(folder);
  const plugins = CONTENDERS[contender].ofBuild ?? [];
  for (const needed of ['pluginserver/main.js', ...plugins.map((plugin) => plugin.folder)]) {
    if (!existsSync(join(dist, needed)))
      throw new UsageError(`--against needs a folder with ${needed} in it, not '${folder}'.`);
  }
  return dist;
}
