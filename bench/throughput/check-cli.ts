/** The guard against slow changes: `node dist/bench/throughput/check-cli.js --help`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machineFacts } from '../load/machine';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { baselineOf, heldBy, unknownTo, verdictsOf, type Baseline } from './baseline';
import { correctness } from './budgets';
import { CHECK, checkPlan } from './options';
import { plannedSeconds } from './plan';
import { preamble } from './preamble';
import { runPlan } from './run';

/** Beside the source, not in what was compiled: it is committed. */
const BASELINE = join(__dirname, '..', '..', '..', 'bench', 'throughput', 'baseline.json');

runCommand(CHECK, async (options, cleanUps) => {
  const plan = checkPlan(options);
  const facts = await machineFacts();
  const baseline = options.record ? undefined : (JSON.parse(await readFile(BASELINE, 'utf8')) as Baseline);
  say(`takes about ${plannedSeconds(plan).toFixed(0)} s`);
  const measurements = await runPlan(plan, cleanUps, say);
  const held = heldBy(measurements);
  const measuredOn = preamble(plan, facts, measurements);
  const sound = correctness(measurements);
  const found = baselineOf(held, measuredOn);
  if (options.record && sound.holds) await writeFile(BASELINE, `${JSON.stringify(found, null, 2)}\n`);
  const verdicts = [sound, ...verdictsOf(held, baseline ?? found)];
  const lines = [
    ...measuredOn,
    '',
    ...(baseline ? ['The baseline:', ...baseline.measuredOn.map((line) => `  ${line}`), ''] : []),
    'Ratios within a round: median [least–most] over the rounds.',
    ...verdicts.map(verdictLine),
    ...(baseline ? unknownTo(baseline, held).map(unknown) : []),
    ...(options.record && sound.holds ? ['', `Written to ${BASELINE}.`] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});

function unknown(contender: string): string {
  return (
    `      The baseline holds nothing of ${contender}, so it passes however slow it is: ` +
    'record a new one on a quiet machine with --record.'
  );
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
