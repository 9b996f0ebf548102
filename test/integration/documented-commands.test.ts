/**
 * The commands of the pages, run as they are printed, against the demo; what they print is what the page shows. Blocks that
 * say what they need (`sh needs=docker`) are counted and not run: test/docs/commands.test.ts looks at their form.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Child } from '../../dev/child-process';
import { commandsOf, type Command } from '../docs/support/commands';
import { Demo } from '../docs/support/demo';
import { allPages, ROOT } from '../docs/support/pages';
import { assertShown } from '../docs/support/shown-output';

const LIMIT_MS = 30_000;

const documented = allPages().map((page) => ({ path: page.path, commands: commandsOf(page) }));
const pages = documented
  .filter(({ commands }) => commands.some(({ run }) => run.kind !== 'not run'))
  .sort((a, b) => demosOf(a.commands) - demosOf(b.commands));

/** Pages with a demo of their own come last, so that all others share one. */
function demosOf(commands: readonly Command[]): number {
  return commands.filter(({ run }) => run.kind === 'demo' && run.config !== undefined).length;
}

function kindOf({ run }: Command): string {
  return run.kind === 'not run' ? `needs ${run.needs}` : run.kind;
}

/** In place of /tmp, so that nothing is left there. */
let folder: string;
let demo: Demo | undefined;
const background: Child[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'documented-'));
});

after(async () => {
  await demo?.stop();
  await rm(folder, { recursive: true, force: true });
});

const inFolder = (text: string): string => text.replace(/\/tmp\/(?=\w)/g, `${folder}/`);

async function demoWith(config: string | undefined): Promise<Demo> {
  if (demo === undefined || demo.config !== config) {
    await demo?.stop();
    demo = undefined; // not to be stopped twice when the next one does not start
    demo = await Demo.start(config);
  }
  return demo;
}

async function carryOut({ block, run }: Command): Promise<void> {
  if (run.kind === 'not run') return;
  if (run.kind === 'demo') {
    await demoWith(run.config === undefined ? undefined : inFolder(run.config));
    return;
  }
  demo ??= await Demo.start();
  const script = inFolder(demo.pointed(block.text));
  if (run.kind === 'run') {
    const printed = await outputOf(script);
    if (run.shown !== undefined) assertShown(printed, run.shown);
    return;
  }
  const child = new Child('background', ['-c', `exec ${script}`], { command: 'sh' });
  background.push(child);
  await child.until(new RegExp(run.shown.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
}

/** @throws AssertionError with what it said, when it fails */
async function outputOf(script: string): Promise<string> {
  const child = spawn('sh', ['-e', '-c', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // All that it has started: a benchmark that nobody had marked went on for minutes, and built anew what was tested.
  const limit = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  }, LIMIT_MS);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(limit);
  assert.equal(code, 0, `${script}\n${stdout}\n${stderr}`);
  return stdout;
}

for (const { path, commands } of pages) {
  describe(path, () => {
    // A page that starts no demo of its own has the one with kong/kong.yml.
    before(async () => {
      if (demo?.config !== undefined) await demoWith(undefined);
    });
    after(async () => {
      for (const child of background.splice(0)) await child.stop();
    });
    for (const command of commands) {
      it(`line ${command.block.line}: ${kindOf(command)}`, () => carryOut(command));
    }
  });
}

it('commands were found', (t) => {
  const counts = new Map<string, number>();
  for (const command of documented.flatMap(({ commands }) => commands)) {
    counts.set(kindOf(command), (counts.get(kindOf(command)) ?? 0) + 1);
  }
  t.diagnostic([...counts].map(([what, count]) => `${what}: ${count}`).join(', '));
  assert.ok((counts.get('run') ?? 0) > 15);
  assert.ok((counts.get('demo') ?? 0) > 1);
});
