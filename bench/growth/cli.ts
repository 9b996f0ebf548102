/** How things grow, as a command: `node dist/bench/growth/cli.js --help`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machineFacts } from '../load/machine';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import type { Answer } from './answer';
import { svg, type Chart } from './chart';
import { GROWTH } from './options';
import { QUESTIONS, type QuestionName } from './questions';
import { Stage } from './stage';

const PICTURES = join(__dirname, '..', '..', '..', 'docs', 'growth');
/** Above this the figures are about the neighbours as well. */
const QUIET_CORES = 0.2;

runCommand(GROWTH, async ({ only, seconds, svg: draws }, cleanUps) => {
  const facts = await machineFacts();
  const stage = await Stage.open({ seconds, say }, cleanUps);
  const answers = new Map<QuestionName, Answer>();
  for (const name of only) {
    say(`question ${answers.size + 1} of ${only.length}: ${QUESTIONS[name].says}`);
    const answer = await QUESTIONS[name].ask(stage);
    answers.set(name, answer);
    await stage.clear();
    if (draws && answer.chart !== undefined) await draw(name, answer.chart);
  }
  process.stdout.write(`${report(answers, facts, stage.foreignCores, seconds).join('\n')}\n`);
  return [...answers.values()].every(({ verdicts }) => verdicts.every(({ holds }) => holds));
});

function report(
  answers: ReadonlyMap<QuestionName, Answer>,
  facts: string,
  foreignCores: number,
  seconds: number,
): string[] {
  const quiet = foreignCores <= QUIET_CORES ? '' : ': repeat on a quiet machine';
  return [
    `Measurements of ${seconds} s each. Broker, responder, driver and plugin servers share the machine: ${facts}.`,
    ...(Number.isNaN(foreignCores)
      ? []
      : [`Other programs kept ${foreignCores.toFixed(1)} cores busy${quiet}.`]),
    ...[...answers].flatMap(([name, { says, table }]) => ['', `### ${name}`, '', says, '', table]),
    '',
    ...[...answers.values()].flatMap(({ verdicts }) => verdicts.map(verdictLine)),
  ];
}

async function draw(name: QuestionName, chart: Chart): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  const path = join(PICTURES, `${name}.svg`);
  await writeFile(path, svg(chart));
  say(`drawn: ${path}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
