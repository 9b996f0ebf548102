/** The drill as a command: `node dist/bench/drill/cli.js --help`. */
import { parseArgs } from 'node:util';
import { drillVerdicts } from './goals';
import type { StopReport } from './outcome';
import { drillStops, runDrill } from './run';
import { positive, usageError, UsageError } from '../throughput/options';
import { markdown } from '../load/markdown';
import { verdictLine } from '../load/verdict';

const USAGE = `Usage: node dist/bench/drill/cli.js [options]      (make drill)

Stops a Kafka broker under load and starts it again, by SIGTERM and by kill -9 in turns, for 1 to 8 s, and tells what
HTTP clients saw. Ends with status 1 when a goal is missed at any of the stops. Twenty stops take about five minutes.

  --stops <number>   default 20
  --rate <number>    requests per second, default 300
  --help             show this text
`;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const values = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const stops = drillStops(positive('--stops', values.stops));
  const report = await runDrill({
    stops,
    ratePerSecond: positive('--rate', values.rate),
    onStop: ({ signal, outageMs }, number) =>
      process.stderr.write(`stop ${number}/${stops.length}: ${signal}, ${outageMs} ms\n`),
  });
  const verdicts = drillVerdicts(report);
  const failed = verdicts.filter(({ holds }) => !holds).length;
  const lines = [
    stopTable(report.stops),
    '',
    ...verdicts.map(verdictLine),
    '',
    `${report.stops.length} stops, ${report.sent} requests: ${failed === 0 ? 'every goal met' : `${failed} of ${verdicts.length} goals missed`}.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed === 0 ? 0 : EXIT_FAILED;
}

function parse() {
  try {
    return parseArgs({
      options: {
        stops: { type: 'string', default: '20' },
        rate: { type: 'string', default: '300' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usageError(error);
  }
}

const COLUMNS = [
  'stop',
  'signal',
  'outage ms',
  'requests',
  'first 503 ms',
  'down: 503s',
  'p50 ms',
  'p99 ms',
  'max ms',
  'starting: p99 ms',
  'otherwise',
  'first 200 ms',
  'steady ms',
  'lost',
  'crossed',
  'answers',
];

function stopTable(stops: readonly StopReport[]): string {
  const rows = stops.map((stop, index) => [
    String(index + 1),
    stop.signal,
    whole(stop.outageMs),
    String(stop.ended),
    whole(stop.first503Ms),
    String(stop.whileDown.count),
    tenth(stop.whileDown.p50Ms),
    tenth(stop.whileDown.p99Ms),
    tenth(stop.whileDown.maxMs),
    tenth(stop.whileStarting.p99Ms),
    String(stop.otherwise),
    whole(stop.first200Ms),
    whole(stop.steadyMs),
    String(stop.lost),
    String(stop.crossed),
    Object.entries(stop.answers)
      .map(([answer, count]) => `${answer}: ${count}`)
      .join(', '),
  ]);
  return markdown([COLUMNS, ...rows]);
}

function tenth(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(1);
}

function whole(value: number | undefined): string {
  return value === undefined ? 'never' : value.toFixed(0);
}

main()
  .then((code) => (process.exitCode = code))
  .catch((error: unknown) => {
    process.stderr.write(`drill: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  });
