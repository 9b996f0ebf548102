/** The chaos run as a command: `node dist/bench/chaos/cli.js --help`. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPLY_ROUTINGS } from '../../bridge/reply/reply-routing';
import { chaosVerdicts, checkHistory, type ChaosReport } from './check';
import { readHistory } from './history';
import { runChaos } from './run';
import { commandLine, namesOf, path, wholeNumber } from '../load/command-line';
import { PLUGIN_FORM } from '../load/plugin-form-flag';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';

const COMMAND = commandLine({
  make: 'chaos',
  program: 'chaos/cli.js',
  about: `
Three gateways and three brokers under a steady load; every 15 s a gateway is added or killed (-9), every 45 s a broker
is killed. Ends with status 1 when a reply was crossed, a request produced twice, or one lost without a reason.`,
  flags: {
    routing: namesOf(REPLY_ROUTINGS, {
      says: `of replies: ${REPLY_ROUTINGS.join(', ')}, one after the other`,
      byDefault: REPLY_ROUTINGS,
      shownDefault: 'all three',
    }),
    plugins: PLUGIN_FORM,
    seconds: wholeNumber({ says: 'of chaos for each', byDefault: 180 }),
    rate: wholeNumber({ says: 'requests per second', byDefault: 300 }),
    workers: wholeNumber({ says: 'of each gateway', byDefault: 1 }),
    check: path('<file>', 'only check the history of an earlier run'),
  },
});

/** Of what cannot be explained: enough to begin with. */
const SHOWN = 20;

runCommand(COMMAND, async ({ routing: routings, plugins, seconds, rate, workers, check }) => {
  if (check !== undefined) return judge('history', check);
  let passed = true;
  for (const routing of routings) {
    const historyFile = join(tmpdir(), `chaos-${routing}.ndjson`);
    const onEvent = (text: string) => void process.stderr.write(`${routing}: ${text}\n`);
    await runChaos({ routing, plugins, seconds, ratePerSecond: rate, workers, historyFile, onEvent });
    if (!(await judge(routing, historyFile))) passed = false;
  }
  return passed;
});

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
