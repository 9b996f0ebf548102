/** The drill of workers as a command: `node dist/bench/worker-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import type { Outcome } from '../load/open-loop';
import { PLUGIN_FORM } from '../load/plugin-form-flag';
import { runCommand } from '../load/run-command';
import { percentile } from '../load/statistics';
import { verdictLine } from '../load/verdict';
import { tookMs, workerDrillVerdicts } from './goals';
import { runWorkerDrill, type DrillPart } from './run';

const COMMAND = commandLine({
  make: 'worker-drill',
  program: 'worker-drill/cli.js',
  about: `
Upgrades the plugin server between one worker and two under load, then kills a worker (-9) at even distances. Ends with
status 1 when an upgrade loses a request, when others than those of a killed worker end, or one is produced twice.`,
  flags: {
    upgrades: wholeNumber({ says: 'from 1 to 2, 2 to 2, 2 to 1 workers and so on', byDefault: 20 }),
    'kill-s': wholeNumber({ says: 'how long workers are killed', byDefault: 120 }),
    'kill-every-s': wholeNumber({ says: 'the time between two', byDefault: 5 }),
    rate: wholeNumber({ says: 'requests per second', byDefault: 300 }),
    plugins: PLUGIN_FORM,
  },
});

const SHOWN = 10;

runCommand(
  COMMAND,
  async ({ upgrades, 'kill-s': killSeconds, 'kill-every-s': killEverySeconds, rate, plugins }) => {
    const report = await runWorkerDrill({
      plugins,
      upgrades,
      killSeconds,
      killEverySeconds,
      ratePerSecond: rate,
      say: (line) => process.stderr.write(`${line}\n`),
    });
    const verdicts = workerDrillVerdicts(report);
    const lines = [
      ...(['before', 'upgrades', 'kills'] as const).map((name) => line(name, report[name])),
      '',
      ...verdicts.map(verdictLine),
      ...[...report.upgrades.outcomes, ...report.kills.outcomes]
        .filter(isFailed)
        .slice(0, SHOWN)
        .map(failure),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    return verdicts.every(({ holds }) => holds);
  },
);

function line(name: string, { outcomes, atMs }: Omit<DrillPart, 'stillOpen'>): string {
  const failed = outcomes.filter(isFailed);
  const took = tookMs({ outcomes });
  return (
    `${name}: ${atMs.length}, ${outcomes.length} requests, ${failed.length} not answered with 200; ` +
    `p50 ${percentile(took, 0.5).toFixed(0)} ms, p99 ${percentile(took, 0.99).toFixed(0)} ms, ` +
    `longest ${(took.at(-1) ?? 0).toFixed(0)} ms`
  );
}

function isFailed({ status }: Outcome): boolean {
  return status !== 200;
}

function failure({ status, code = '', sentMs, endedMs = sentMs }: Outcome): string {
  return `      ${status ?? 'none'} ${code} after ${(endedMs - sentMs).toFixed(0)} ms`;
}
