/** The drill of the log plugin as a command: `node dist/bench/log-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { logDrillVerdicts, requestLatencyVerdicts } from './goals';
import { runRequestLatency, type RequestLatencyReport } from './requests';
import { runLogDrill } from './run';

const COMMAND = commandLine({
  make: 'log-drill',
  program: 'log-drill/cli.js',
  about: `
Sends log entries to custom_kafka_log at full speed, kills Kafka meanwhile and starts it again, and counts what arrived.
Then requests to a service, with the plugin and without in turns: what do they wait more? Ends with status 1 when an entry is
missing from the account, came twice or out of order, or a request waits. Takes about five minutes.`,
  flags: {
    entries: wholeNumber({ says: 'to send', byDefault: 1_000_000 }),
    stops: wholeNumber({ says: 'of the broker', byDefault: 2 }),
    'outage-s': wholeNumber({ says: 'how long the broker is away each time', byDefault: 30 }),
    lanes: wholeNumber({ says: 'entries under way at once', byDefault: 64 }),
    'per-second': wholeNumber({ says: 'requests, in the second part', byDefault: 200 }),
    turns: wholeNumber({
      says: 'with the plugin, as many without, and the same without Kafka',
      byDefault: 4,
    }),
    'turn-s': wholeNumber({ says: 'length of a turn', byDefault: 5 }),
  },
});

runCommand(COMMAND, async ({ entries, stops, lanes, 'outage-s': outageSeconds, ...flags }) => {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const report = await runLogDrill({
    entries,
    stops,
    lanes,
    outageMs: outageSeconds * 1000,
    say,
  });
  const requests = await runRequestLatency({
    perSecond: flags['per-second'],
    turns: flags.turns,
    turnMs: flags['turn-s'] * 1000,
    say,
  });
  const { megabytes, p99Ms } = report;
  const verdicts = [...logDrillVerdicts(report), ...requestLatencyVerdicts(requests)];
  const lines = [
    `${report.sent} entries, ${report.perSecond.toFixed(0)} a second: ${report.delivered} delivered, ${report.dropped} dropped, ${report.lost} lost.`,
    `An event took ${p99Ms.up.toFixed(1)} ms (p99) while Kafka was there, ${p99Ms.down.toFixed(1)} ms while it was not.`,
    `The plugin server had ${megabytes.before.toFixed(0)} MB before, ${megabytes.most.toFixed(0)} MB at most, ${megabytes.after.toFixed(0)} MB after.`,
    requestLine(requests),
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});

function requestLine({ plain, logged, plainWithout, loggedWithout }: RequestLatencyReport): string {
  const of = ({ p50Ms, p99Ms }: RequestLatencyReport['plain']) =>
    `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)} ms`;
  return `A request took (p50 / p99, medians of the turns) ${of(plain)} without the plugin and ${of(logged)} with it; ${of(plainWithout)} and ${of(loggedWithout)} while Kafka was away.`;
}
