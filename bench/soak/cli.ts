/** The soak as a command: `node dist/bench/soak/cli.js --help`. */
import { machineFacts } from '../load/machine';
import { commandLine, wholeNumber } from '../load/command-line';
import { PLUGIN_FORM } from '../load/plugin-form-flag';
import { runCommand } from '../load/run-command';
import { markdown } from '../load/markdown';
import { verdictLine } from '../load/verdict';
import { soakVerdicts } from './goals';
import type { Inventory } from '../load/probe';
import { megabytes, runSoak, type RestingState, type SoakReport } from './run';

const COMMAND = commandLine({
  make: 'soak',
  program: 'soak/cli.js',
  about: `
Sends requests of all kinds through one plugin server, with configuration updates in between: replies, timeouts, error
replies, replies and requests that are too large, clients that leave. Then looks at what is left in its process, or in each of its
processes. Ends with status 1 when something is, when a client got something else than it should, or when the event loop stood still.
A million requests take about ten minutes; warm-up and rests take another four.`,
  flags: {
    requests: wholeNumber({ says: 'after the warm-up', byDefault: 1_000_000, least: 100, most: 999_999_999 }),
    plugins: PLUGIN_FORM,
    'in-flight': wholeNumber({ says: 'requests in flight', byDefault: 128 }),
    workers: wholeNumber({ says: 'of the plugin server; the pair is in the first alone', byDefault: 1 }),
  },
});

runCommand(COMMAND, async (options) => {
  const report = await runSoak({
    requests: options.requests,
    plugins: options.plugins,
    inFlight: options['in-flight'],
    workers: options.workers,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const verdicts = soakVerdicts(report);
  const failed = verdicts.filter(({ holds }) => !holds).length;
  const lines = [
    `On ${await machineFacts()}.`,
    '',
    stateTable(report),
    '',
    ...answers(report),
    '',
    ...verdicts.map(verdictLine),
    '',
    failed === 0 ? 'Every goal met.' : `${failed} of ${verdicts.length} goals missed.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed === 0;
});

function stateTable({ before, after, warmUpRequests, counts }: SoakReport): string {
  const row = (name: string, of: (state: RestingState) => string | number) => [
    name,
    String(of(before)),
    String(of(after)),
  ];
  const each = (name: string, of: (inventory: Inventory) => string | number) =>
    row(name, ({ processes }) => Object.values(processes).map(of).join(' + '));
  return markdown([
    [
      `in the ${Object.keys(before.processes).join(' + ')}`,
      `after ${warmUpRequests} requests`,
      `after ${counts.requests} more`,
    ],
    each('heap after a collection, MB', ({ heapBytes }) => megabytes(heapBytes)),
    each('of it compiled code, MB', ({ codeBytes }) => megabytes(codeBytes)),
    each('buffers outside of it, MB', ({ externalBytes }) => megabytes(externalBytes)),
    each('RSS, MB', ({ residentBytes }) => megabytes(residentBytes)),
    each('file descriptors', ({ fileDescriptors }) => fileDescriptors),
    each('threads', ({ threads }) => threads),
    each('timers', ({ resources }) => resources.Timeout ?? 0),
    row('instances', ({ instances }) => instances),
    row('reply channels', ({ replyChannels }) => replyChannels),
    row('Kafka clusters', ({ clusters }) => clusters),
    row('pending', ({ pending }) => pending),
  ]);
}

function answers({ counts, elapsedMs }: SoakReport): string[] {
  const perSecond = (counts.requests * 1000) / elapsedMs;
  const listed = Object.entries(counts.answers)
    .sort(([, a], [, b]) => b - a)
    .map(([answer, count]) => `${answer}: ${count}`);
  return [
    `${counts.requests} requests in ${(elapsedMs / 1000).toFixed(0)} s, ${perSecond.toFixed(0)}/s, with ` +
      `${counts.updates} configuration updates and ${counts.reruns} events run again.`,
    listed.join(', '),
  ];
}
