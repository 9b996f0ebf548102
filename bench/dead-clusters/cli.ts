/** The measurement of dead clusters as a command: `node dist/bench/dead-clusters/cli.js --help`. */
import { setLogSink } from '../../bridge/telemetry/log';
import { commandLine, wholeNumber } from '../load/command-line';
import { machineFacts } from '../load/machine';
import { markdown } from '../load/markdown';
import { runCommand } from '../load/run-command';
import { median } from '../load/statistics';
import { verdictLine, type Verdict } from '../load/verdict';
import { runDeadClusters, SITUATIONS, type Footprint, type Sample } from './run';

const COMMAND = commandLine({
  make: 'dead-clusters',
  program: 'dead-clusters/cli.js',
  about: `
Measures the requests of one healthy cluster alone, beside dead clusters that nobody asks, and beside dead clusters that
are asked all the time. Half of the dead ones refuse connections, half take them and say nothing. Ends with status 1 when
a request failed, or when the dead ones are noticed.`,
  flags: {
    dead: wholeNumber({ says: 'clusters that are away', byDefault: 50 }),
    rounds: wholeNumber({ says: 'of all three', byDefault: 5 }),
    seconds: wholeNumber({ says: 'length of each measurement', byDefault: 5 }),
    'settle-seconds': wholeNumber({ says: 'before the measurement beside dead clusters', byDefault: 15 }),
    'watch-seconds': wholeNumber({
      says: 'how long to watch what they cost when nobody asks',
      byDefault: 180,
    }),
  },
});

/** What p99 beside dead clusters may be of p99 alone. */
const MOST_OF_P99 = 1.2;
const MOST_GROWTH_MB = 5;

function table(samples: readonly Sample[]): string {
  return markdown([
    ['', 'p50, ms', 'p99, ms', 'failed', 'threads', 'RSS, MB', 'first answer of a new cluster, ms'],
    ...SITUATIONS.map((situation) => {
      const of = (value: (sample: Sample) => number) =>
        samples.filter((sample) => sample.situation === situation).map(value);
      return [
        situation,
        median(of(({ p50Ms }) => p50Ms)).toFixed(2),
        median(of(({ p99Ms }) => p99Ms)).toFixed(2),
        String(of(({ failed }) => failed).reduce((all, some) => all + some, 0)),
        range(of(({ threads }) => threads)),
        range(of(({ residentMegabytes }) => Math.round(residentMegabytes))),
        median(of(({ newcomerMs = NaN }) => newcomerMs)).toFixed(0),
      ];
    }),
  ]);
}

function range(values: readonly number[]): string {
  return `${Math.min(...values)}–${Math.max(...values)}`;
}

function verdictsOf(samples: readonly Sample[]): Verdict[] {
  const failed = samples.reduce((all, sample) => all + sample.failed, 0);
  const rounds = (situation: string) => samples.filter((sample) => sample.situation === situation);
  const ratios = (situation: string) =>
    rounds(situation).map(({ p99Ms }, round) => p99Ms / (rounds('alone')[round]?.p99Ms ?? NaN));
  return [
    { rule: 'no request of the healthy cluster fails', found: `${failed} failed`, holds: failed === 0 },
    ...(['idle', 'asked'] as const).map((situation) => {
      const ratio = median(ratios(situation));
      return {
        rule: `p99 beside dead clusters that are ${situation} is at most ${MOST_OF_P99} × that alone`,
        found: `${ratio.toFixed(2)} ×`,
        holds: ratio <= MOST_OF_P99,
      };
    }),
  ];
}

function footprintText({ afterSeconds, threads, residentMegabytes }: Footprint): string {
  return `${afterSeconds} s ${threads} threads, ${residentMegabytes.toFixed(0)} MB`;
}

/** The second half of the time against the first: the first attempts of all are over then. */
function flatness(footprints: readonly Footprint[]): Verdict[] {
  const half = Math.floor(footprints.length / 2);
  if (half === 0) return [];
  const most = (some: readonly Footprint[], of: (footprint: Footprint) => number) =>
    Math.max(...some.map(of));
  const [early, late] = [footprints.slice(0, half), footprints.slice(half)];
  const threads = [early, late].map((some) => most(some, (footprint) => footprint.threads));
  const megabytes = [early, late].map((some) => most(some, ({ residentMegabytes }) => residentMegabytes));
  const [threadsBefore = NaN, threadsAfter = NaN] = threads;
  const [before = NaN, after = NaN] = megabytes;
  return [
    {
      rule: 'dead clusters that nobody asks take no more and more threads',
      found: `${threadsBefore}, then ${threadsAfter}`,
      holds: threadsAfter <= threadsBefore,
    },
    {
      rule: `nor memory (${MOST_GROWTH_MB} MB are noise)`,
      found: `${before.toFixed(0)} MB, then ${after.toFixed(0)}`,
      holds: after <= before + MOST_GROWTH_MB,
    },
  ];
}

runCommand(COMMAND, async (options) => {
  setLogSink(() => undefined);
  const { samples, footprints } = await runDeadClusters({
    dead: options.dead,
    rounds: options.rounds,
    seconds: options.seconds,
    settleSeconds: options['settle-seconds'],
    watchSeconds: options['watch-seconds'],
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = [...verdictsOf(samples), ...flatness(footprints)];
  const lines = [
    `Medians of ${options.rounds} rounds, ${options.dead} dead clusters. On ${await machineFacts()}.`,
    '',
    table(samples),
    '',
    `Nobody asks, after ${footprints.map(footprintText).join('; ')}.`,
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
