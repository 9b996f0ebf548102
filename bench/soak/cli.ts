/** The soak as a command: `node dist/bench/soak/cli.js --help`. */
import { parseArgs } from 'node:util';
import { machineFacts } from '../load/machine';
import { usageError, UsageError } from '../throughput/options';
import { markdown } from '../load/markdown';
import { verdictLine } from '../load/verdict';
import { soakVerdicts } from './goals';
import { megabytes, runSoak, type RestingState, type SoakReport } from './run';

const USAGE = `Usage: node dist/bench/soak/cli.js [options]      (make soak)

Sends requests of all kinds through one plugin server, with configuration updates in between: replies, timeouts, error
replies, replies and requests that are too large, clients that leave. Then looks at what is left in its process. Ends
with status 1 when something is, when a client got something else than it should, or when the event loop stood still.

  --requests <number>   default 1000000, which takes about ten minutes; warm-up and rests take another four
  --help                show this text
`;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const values = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const requests = requestCount(values.requests);
  const report = await runSoak({ requests, onProgress: (line) => process.stderr.write(`${line}\n`) });
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
  return failed === 0 ? 0 : EXIT_FAILED;
}

function parse() {
  try {
    return parseArgs({
      options: {
        requests: { type: 'string', default: '1000000' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usageError(error);
  }
}

function requestCount(text: string): number {
  if (!/^[1-9]\d{2,8}$/.test(text))
    throw new UsageError(`--requests needs a whole number from 100 to 999999999, not '${text}'.`);
  return Number(text);
}

function stateTable({ before, after, warmUpRequests, counts }: SoakReport): string {
  const row = (name: string, of: (state: RestingState) => string | number) => [
    name,
    String(of(before)),
    String(of(after)),
  ];
  return markdown([
    ['in the plugin server', `after ${warmUpRequests} requests`, `after ${counts.requests} more`],
    row('heap after a collection, MB', ({ heapBytes }) => megabytes(heapBytes)),
    row('of it compiled code, MB', ({ codeBytes }) => megabytes(codeBytes)),
    row('buffers outside of it, MB', ({ externalBytes }) => megabytes(externalBytes)),
    row('RSS, MB', ({ residentBytes }) => megabytes(residentBytes)),
    row('file descriptors', ({ fileDescriptors }) => fileDescriptors),
    row('threads', ({ threads }) => threads),
    row('timers', ({ resources }) => resources.Timeout ?? 0),
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT_FAILED));

main()
  .then((code) => (process.exitCode = code))
  .catch((error: unknown) => {
    process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  });
