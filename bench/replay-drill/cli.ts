/** The drill of the replay as a command: `node dist/bench/replay-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { replayDrillVerdicts } from './goals';
import { runReplayDrill } from './run';

const COMMAND = commandLine({
  make: 'replay-drill',
  program: 'replay-drill/cli.js',
  about: `
Carries kept requests out with kong-kafka-replay against a service that fails one time in three, kills it again and again,
and looks what became of each request. Ends with status 1 when one is lost, or came under a key that is not its own.`,
  flags: {
    requests: wholeNumber({ says: 'that are kept', byDefault: 10_000 }),
    partitions: wholeNumber({ says: 'of the topic', byDefault: 3 }),
    'fail-one-in': wholeNumber({ says: 'how often the service fails', byDefault: 3 }),
    'kill-every-s': wholeNumber({ says: 'how long the replay lives', byDefault: 20 }),
    rate: wholeNumber({ says: 'attempts per second', byDefault: 150 }),
  },
});

runCommand(COMMAND, async ({ requests, partitions, rate, ...flags }) => {
  const report = await runReplayDrill({
    requests,
    partitions,
    rate,
    failOneIn: flags['fail-one-in'],
    killEveryMs: flags['kill-every-s'] * 1000,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = replayDrillVerdicts(report);
  const lines = [
    `${report.requests} requests: ${report.carriedOut} carried out, ${report.dead} dead; the service was asked ${report.asked} times, the replay killed ${report.kills} times.`,
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
