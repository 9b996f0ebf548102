/** The drill of replies that are asked for later, as a command: `node dist/bench/results-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { resultsDrillVerdicts } from './goals';
import { runResultsDrill } from './run';

const COMMAND = commandLine({
  make: 'results-drill',
  program: 'results-drill/cli.js',
  about: `
Sends slow requests to three gateways, of which one is killed and another one added now and then, and asks for each reply
at another gateway than the one that gave its id. Then repeats one request with a key at two gateways. Ends with status 1
when a reply is lost, crossed, or had by somebody else.`,
  flags: {
    'duration-s': wholeNumber({ says: 'how long requests are sent', byDefault: 180 }),
    'per-second': wholeNumber({ says: 'requests', byDefault: 300 }),
    'kill-every-s': wholeNumber({ says: 'the time between two gateways that are killed', byDefault: 20 }),
    'delay-ms': wholeNumber({ says: 'how long the service takes', byDefault: 3000 }),
    repetitions: wholeNumber({ says: 'of the request with a key', byDefault: 10_000 }),
  },
});

runCommand(COMMAND, async (given) => {
  const report = await runResultsDrill({
    durationMs: given['duration-s'] * 1000,
    perSecond: given['per-second'],
    killEveryMs: given['kill-every-s'] * 1000,
    delayMs: given['delay-ms'],
    repetitions: given.repetitions,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = resultsDrillVerdicts(report);
  const { p50Ms, p99Ms } = report;
  const lines = [`Replies were had ${p50Ms} ms (p50) and ${p99Ms} ms (p99) after their 202.`, ''];
  process.stdout.write(`${[...lines, ...verdicts.map(verdictLine)].join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
