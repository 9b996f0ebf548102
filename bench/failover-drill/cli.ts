/** The drill of the failover plugin as a command: `node dist/bench/failover-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { failoverDrillVerdicts } from './goals';
import { runFailoverDrill } from './run';

const COMMAND = commandLine({
  make: 'failover-drill',
  program: 'failover-drill/cli.js',
  about: `
Sends requests to a service behind custom_kafka_failover, stops the service and Kafka in turns, and counts what became of
each request. Ends with status 1 when one is lost, or was kept and carried out without saying so.`,
  flags: {
    'duration-s': wholeNumber({ says: 'how long requests are sent', byDefault: 300 }),
    'per-second': wholeNumber({ says: 'requests', byDefault: 100 }),
    'breaker-failures': wholeNumber({
      says: 'that open the circuit breaker; 0: there is none',
      byDefault: 0,
      least: 0,
    }),
    'outage-s': wholeNumber({ says: 'how long each outage is, and the time between two', byDefault: 5 }),
  },
});

runCommand(COMMAND, async ({ 'per-second': perSecond, ...flags }) => {
  const report = await runFailoverDrill({
    durationMs: flags['duration-s'] * 1000,
    perSecond,
    outageMs: flags['outage-s'] * 1000,
    breakerFailures: flags['breaker-failures'],
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = failoverDrillVerdicts(report);
  const lines = [
    `${report.sent} requests: ${report.answered} answered by the service, ${report.kept} kept (${report.keptAtOnce ?? 0} at once), ${report.failed} told that they failed.`,
    `${report.bothMaybe} were kept and carried out, and say so; ${report.failedAndKept} are in the topic although their clients were told of a failure.`,
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
