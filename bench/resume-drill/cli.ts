/** The drill of streams that go on at other gateways, as a command: `node dist/bench/resume-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { PLUGIN_FORM } from '../load/plugin-form-flag';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { resumeDrillVerdicts } from './goals';
import { runResumeDrill } from './run';

const COMMAND = commandLine({
  make: 'resume-drill',
  program: 'resume-drill/cli.js',
  about: `
Follows streams of numbered replies at three gateways, of which one is killed and another one added now and then. Each client
comes back to another gateway with its Last-Event-ID, and some move without need. Ends with status 1 when one misses a reply,
sees one twice or in another order than that of its partition, or causes a second record.`,
  flags: {
    plugins: PLUGIN_FORM,
    'duration-s': wholeNumber({ says: 'how long streams are begun', byDefault: 120 }),
    clients: wholeNumber({ says: 'streams at once', byDefault: 300 }),
    'kill-every-s': wholeNumber({ says: 'the time between two gateways that are killed', byDefault: 20 }),
    replies: wholeNumber({ says: 'to each stream', byDefault: 40 }),
    'every-ms': wholeNumber({ says: 'between two replies to a stream', byDefault: 500 }),
  },
});

runCommand(COMMAND, async (given) => {
  const report = await runResumeDrill({
    form: given.plugins,
    durationMs: given['duration-s'] * 1000,
    clients: given.clients,
    killEveryMs: given['kill-every-s'] * 1000,
    replies: given.replies,
    everyMs: given['every-ms'],
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = resumeDrillVerdicts(report);
  const { p50Ms, p99Ms, mostPartitions } = report;
  const lines = [
    `A client was back ${p50Ms.toFixed(0)} ms (p50) and ${p99Ms.toFixed(0)} ms (p99) after it was cut off or had left.`,
    `The replies to one stream came on up to ${mostPartitions} partitions.`,
    '',
  ];
  process.stdout.write(`${[...lines, ...verdicts.map(verdictLine)].join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});
