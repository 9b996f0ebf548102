/** The fuzzer: `node dist/test/fuzz/run.js --help`. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { caseInput, runCase, type Finding } from './one-case';
import { parseFuzzOptions, usage, UsageError, type FuzzOptions } from './options';
import { TARGETS } from './targets';
import { BATCH, type Progress, type Work } from './worker';

const EXIT_FOUND = 1;
const EXIT_USAGE = 2;
const PROGRESS_EVERY_MS = 5000;
const WATCH_EVERY_MS = 1000;
/** No case takes seconds, on any machine. */
const STUCK_MS = 30_000;

interface Outcome {
  readonly cases: number;
  readonly seconds: number;
  readonly finding: Finding | undefined;
}

async function main(): Promise<number> {
  const names = TARGETS.map(({ name }) => name);
  const options = parseFuzzOptions(process.argv.slice(2), names);
  if (!options) {
    say(usage(names).trimEnd());
    return 0;
  }
  if (options.case !== undefined) return replay(options, options.case);
  say(`seed ${options.seed}, ${options.seconds} s for each of ${options.only.length}`);
  let findings = 0;
  for (const name of options.only) {
    const { cases, seconds, finding } = await fuzz(name, options);
    if (finding !== undefined) findings++;
    say(`${label(name)}${rate(cases, seconds)}  ${finding === undefined ? '0 findings' : '1 FINDING'}`);
    if (finding !== undefined) report(finding);
  }
  say(`${findings} findings`);
  return findings === 0 ? 0 : EXIT_FOUND;
}

function fuzz(target: string, { seed, seconds, workers }: FuzzOptions): Promise<Outcome> {
  const work: Work = { target, seed, seconds, workers };
  const worker = fork(join(__dirname, 'worker.js'), [JSON.stringify(work)]);
  const startedAtMs = performance.now();
  let saidAtMs = startedAtMs;
  let movedAtMs = startedAtMs;
  let next = 0;

  return new Promise((resolve) => {
    let over = false;
    const end = (finding: Finding | undefined): void => {
      if (over) return;
      over = true;
      clearInterval(watch);
      resolve({ cases: next, seconds: (performance.now() - startedAtMs) / 1000, finding });
    };
    const watch = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - movedAtMs > STUCK_MS) {
        worker.kill('SIGKILL');
        end({ target, seed, case: next, reason: `one of the ${BATCH} cases from this one does not end` });
      } else if (nowMs - saidAtMs >= PROGRESS_EVERY_MS) {
        saidAtMs = nowMs;
        say(`${label(target)}${rate(next, (nowMs - startedAtMs) / 1000)}`);
      }
    }, WATCH_EVERY_MS);
    worker.on('message', (progress: Progress) => {
      next = progress.next;
      movedAtMs = performance.now();
      if (progress.over) end(progress.finding);
    });
    worker.once('exit', (code) => end({ target, seed, case: next, reason: `the process ended (${code})` }));
  });
}

async function replay({ only, seed, workers }: FuzzOptions, index: number): Promise<number> {
  let found = 0;
  for (const target of TARGETS.filter(({ name }) => only.includes(name))) {
    say(`${label(target.name)}input ${JSON.stringify(caseInput(target, seed, index).toString('latin1'))}`);
    await target.start?.({ workers });
    const finding = await runCase(target, seed, index);
    await target.end?.();
    if (finding === undefined) continue;
    found++;
    report(finding);
  }
  return found === 0 ? 0 : EXIT_FOUND;
}

function report({ target, seed, case: index, reason, input }: Finding): void {
  say(`\nFINDING in ${target}: ${reason}`);
  if (input !== undefined) say(`input (base64): ${input.slice(0, 4000)}`);
  say(`again: make fuzz ARGS="--only ${target} --seed ${seed} --case ${index}"\n`);
}

function label(name: string): string {
  return name.padEnd(16);
}

function rate(cases: number, seconds: number): string {
  const count = Math.round(cases).toLocaleString('en').padStart(12);
  return `${seconds.toFixed(0).padStart(4)} s ${count} cases ${Math.round(cases / seconds)
    .toLocaleString('en')
    .padStart(8)}/s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_USAGE;
  },
);
