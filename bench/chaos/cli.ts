/** The chaos run as a command: `node dist/bench/chaos/cli.js --help`. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REPLY_ROUTINGS, type ReplyRoutingMode } from '../../bridge/reply/reply-routing';
import { chaosVerdicts, checkHistory, type ChaosReport } from './check';
import { readHistory } from './history';
import { runChaos } from './run';
import { positive, usageError, UsageError } from '../throughput/options';
import { verdictLine } from '../load/verdict';

const USAGE = `Usage: node dist/bench/chaos/cli.js [options]      (make chaos)

Three gateways and three brokers under a steady load; every 15 s a gateway is added or killed (-9), every 45 s a broker
is killed. Ends with status 1 when a reply was crossed, a request produced twice, or one lost without a reason.

  --routing <name>[,<name>]  ${REPLY_ROUTINGS.join(', ')}; default all three, one after the other
  --seconds <number>         of chaos for each, default 180
  --rate <number>            requests per second, default 300
  --check <file>             only check the history of an earlier run
  --help                     show this text
`;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Of what cannot be explained: enough to begin with. */
const SHOWN = 20;

async function main(): Promise<number> {
  const values = parse();
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.check !== undefined) return (await judge('history', values.check)) ? 0 : EXIT_FAILED;
  const seconds = positive('--seconds', values.seconds);
  const ratePerSecond = positive('--rate', values.rate);
  let passed = true;
  for (const routing of values.routing.split(',').map(routingMode)) {
    const historyFile = join(tmpdir(), `chaos-${routing}.ndjson`);
    const onEvent = (text: string) => void process.stderr.write(`${routing}: ${text}\n`);
    await runChaos({ routing, seconds, ratePerSecond, historyFile, onEvent });
    if (!(await judge(routing, historyFile))) passed = false;
  }
  return passed ? 0 : EXIT_FAILED;
}

async function judge(what: string, historyFile: string): Promise<boolean> {
  const report = checkHistory(await readHistory(historyFile));
  const verdicts = chaosVerdicts(report);
  process.stdout.write(
    `${[`== ${what} (${historyFile})`, ...facts(report), ...verdicts.map(verdictLine)].join('\n')}\n`,
  );
  for (const line of report.unexplained.slice(0, SHOWN)) process.stdout.write(`      ${line}\n`);
  return verdicts.every(({ holds }) => holds);
}

function facts(report: ChaosReport): string[] {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ') || 'none';
  return [
    `      ${report.requests} requests, ${report.answered} answered, ${report.diedWithGateway} died with their gateway`,
    `      during failovers: ${list(report.inFailover)}`,
    `      seen by the gateways that are left: ${list(report.replies)}`,
  ];
}

function routingMode(text: string): ReplyRoutingMode {
  const found = REPLY_ROUTINGS.find((mode) => mode === text);
  if (found === undefined)
    throw new UsageError(`--routing takes ${REPLY_ROUTINGS.join(', ')}, not '${text}'.`);
  return found;
}

function parse() {
  try {
    return parseArgs({
      options: {
        routing: { type: 'string', default: REPLY_ROUTINGS.join(',') },
        seconds: { type: 'string', default: '180' },
        rate: { type: 'string', default: '300' },
        check: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usageError(error);
  }
}

main()
  .then((code) => (process.exitCode = code))
  .catch((error: unknown) => {
    process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  });
