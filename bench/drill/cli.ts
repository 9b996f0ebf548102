/** The drill as a command: `node dist/bench/drill/cli.js --help`. */
import { drillVerdicts } from './goals';
import type { StopReport } from './outcome';
import { drillStops, runDrill } from './run';
import { commandLine, wholeNumber } from '../load/command-line';
import { markdown } from '../load/markdown';
import { PLUGIN_FORM } from '../load/plugin-form-flag';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';

const COMMAND = commandLine({
  make: 'drill',
  program: 'drill/cli.js',
  about: `
Stops a Kafka broker under load and starts it again, by SIGTERM and by kill -9 in turns, for 1 to 8 s, and tells what
HTTP clients saw. Ends with status 1 when a goal is missed at any of the stops. Twenty stops take about five minutes.`,
  flags: {
    stops: wholeNumber({ says: 'of the broker', byDefault: 20 }),
    plugins: PLUGIN_FORM,
    rate: wholeNumber({ says: 'requests per second', byDefault: 300 }),
    workers: wholeNumber({ says: 'of the plugin server', byDefault: 1 }),
  },
});

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

runCommand(COMMAND, async (options) => {
  const stops = drillStops(options.stops);
  const report = await runDrill({
    stops,
    plugins: options.plugins,
    ratePerSecond: options.rate,
    workers: options.workers,
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
  return failed === 0;
});
