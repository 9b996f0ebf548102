/** The drill of the log plugin as a command: `node dist/bench/log-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { logDrillVerdicts } from './goals';
import { runLogDrill } from './run';

const COMMAND = commandLine({
  make: 'log-drill',
  program: 'log-drill/cli.js',
  about: `
Sends log entries to custom_kafka_log at full speed, kills Kafka meanwhile and starts it again, and counts what arrived.
Ends with status 1 when an entry is missing from the account, came twice or out of order. Takes about three minutes.`,
  flags: {
    entries: wholeNumber({ says: 'to send', byDefault: 1_000_000 }),
    stops: wholeNumber({ says: 'of the broker', byDefault: 2 }),
    'outage-s': wholeNumber({ says: 'how long the broker is away each time', byDefault: 30 }),
    lanes: wholeNumber({ says: 'entries under way at once', byDefault: 64 }),
  },
});

runCommand(COMMAND, async ({ entries, stops, lanes, 'outage-s': outageSeconds }) => {
  const report = await runLogDrill({
    entries,
    stops,
    lanes,
    outageMs: outageSeconds * 1000,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const { megabytes, p99Ms } = report;
  const verdicts = logDrillVerdicts(report);
  const lines = [
    `${report.sent} entries, ${report.perSecond.toFixed(0)} a second: ${report.delivered} delivered, ${report.dropped} dropped, ${report.lost} lost.`,
    `An event took ${p99Ms.up.toFixed(1)} ms (p99) while Kafka was there, ${p99Ms.down.toFixed(1)} ms while it was not.`,
    `The plugin server had ${megabytes.before.toFixed(0)} MB before, ${megabytes.most.toFixed(0)} MB at most, ${megabytes.after.toFixed(0)} MB after.`,
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
