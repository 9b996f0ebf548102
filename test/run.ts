/**
 * Runs the test suites with node:test, one kind after the other, and adds up their counts.
 *
 *   node dist/test/run.js [unit|integration|contract|e2e]...     default: all of them
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Kinds with a folder of their own need a Kafka; everything else is a unit test. */
const KINDS = ['unit', 'integration', 'contract', 'e2e'] as const;
type Kind = (typeof KINDS)[number];

/** Most of a file's time is waiting, so two at once are much faster; more would only slow each other down. */
const CONCURRENCY: Record<Kind, number> = { unit: 2, integration: 2, contract: 1, e2e: 1 };

interface Counts {
  tests: number;
  pass: number;
  fail: number;
  skipped: number;
}

/**
 * Brokers, gateways and services as processes: on a busy machine one of them may stand still for longer than a test
 * waits. What is wrong fails twice; what failed once is told at the end all the same, and wants to be looked at.
 */
const RUN_AGAIN: ReadonlySet<Kind> = new Set(['integration', 'contract', 'e2e']);

/** Printed once more at the very end, where somebody who sees only the last lines finds them. */
const reports: string[] = [];

function testFiles(kind: Kind): string[] {
  const all = readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.test.js'),
  );
  const kindOf = (path: string): Kind => {
    const folder = path.split(sep)[0] as Kind;
    return KINDS.includes(folder) ? folder : 'unit';
  };
  return all
    .filter((path) => kindOf(path) === kind)
    .map((path) => join(__dirname, path))
    .sort();
}

interface Run {
  readonly counts: Counts;
  /** What node says of the tests that failed, or nothing. */
  readonly failures: string;
}

async function runFiles(files: readonly string[], concurrency: number): Promise<Run> {
  const counts: Counts = { tests: 0, pass: 0, fail: 0, skipped: 0 };
  const args = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text);
    printed += text;
  });
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? 1)));
  for (const name of Object.keys(counts) as (keyof Counts)[]) {
    const found = [...printed.matchAll(new RegExp(`^\\S+ ${name} (\\d+)$`, 'gm'))].at(-1);
    counts[name] = Number(found?.[1] ?? 0);
  }
  // A runner that dies has no counts; it must not pass for that.
  if (code !== 0 && counts.fail === 0) counts.fail = 1;
  const at = printed.lastIndexOf('\n✖ failing tests:');
  return { counts, failures: at === -1 ? '' : printed.slice(at) };
}

async function run(kind: Kind): Promise<Counts> {
  const files = testFiles(kind);
  process.stdout.write(`\n== ${kind}: ${files.length} files ==\n`);
  const startedAt = performance.now();
  const { counts, failures } =
    files.length === 0
      ? { counts: { tests: 0, pass: 0, fail: 0, skipped: 0 }, failures: '' }
      : await runFiles(files, CONCURRENCY[kind]);
  if (failures !== '') reports.push(`\n== ${kind} ==${failures}`);
  const failed = [
    ...new Set([...failures.matchAll(/^test at (\S+):\d+:\d+$/gm)].map(([, file = '']) => file)),
  ];
  if (RUN_AGAIN.has(kind) && failed.length > 0) {
    process.stdout.write(`\n== ${kind}: ${failed.length} files failed; once more, by themselves ==\n`);
    const again = await runFiles(failed, 1);
    counts.pass += counts.fail - again.counts.fail;
    counts.fail = again.counts.fail;
    reports.push(
      again.failures === ''
        ? `\n== ${kind}: passed the second time: ${failed.join(' ')} ==\n`
        : `\n== ${kind}, the second time ==${again.failures}`,
    );
  }
  process.stdout.write(`== ${kind} took ${((performance.now() - startedAt) / 1000).toFixed(1)} s ==\n`);
  return counts;
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !KINDS.includes(name as Kind));
  if (unknown !== undefined) {
    process.stderr.write(`Unknown kind of test '${unknown}': one of ${KINDS.join(', ')}.\n`);
    process.exit(2);
  }
  const kinds = KINDS.filter((kind) => asked.length === 0 || asked.includes(kind));
  const total: Counts = { tests: 0, pass: 0, fail: 0, skipped: 0 };
  for (const kind of kinds) {
    const counts = await run(kind);
    for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += counts[name];
    if (kind === 'unit' && total.fail > 0) break;
  }
  const { tests, pass, fail, skipped } = total;
  process.stdout.write(reports.join(''));
  process.stdout.write(
    `\n${fail === 0 ? 'PASSED' : 'FAILED'}: ${tests} tests, ${pass} passed, ${fail} failed, ${skipped} skipped ` +
      `in ${relative(process.cwd(), __dirname) || '.'}\n`,
  );
  process.exitCode = fail === 0 && tests > 0 ? 0 : 1;
}

void main();
