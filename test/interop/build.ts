/**
 * Builds a service once, from the public registries, and keeps it in `.cache/interop/<name>-<digest>/`.
 *
 * The digest is over everything that goes into the build, so a changed service is built anew. The build happens in a
 * copy under a temporary name that is renamed when all is well: an interrupted one is never taken for a good one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../../dev/is-alive';
import { repositoryRoot } from '../../dev/kafka/paths';
import type { Framework } from './framework';

/** Cold, a build of Java is a hundred small downloads. */
const BUILD_LIMIT_MS = 8 * 60_000;
const PROGRESS_EVERY_MS = 15_000;
const OUTPUT_TAIL_CHARACTERS = 8000;

/** The machine or its registries lack what the service needs: nothing to blame the gateway or the service for. */
export class NotBuildable extends Error {}

export function sourceOf(framework: Framework): string {
  return join(repositoryRoot(), 'test', 'interop', 'services', framework.name);
}

export function versionOf({ version, ...framework }: Framework): string {
  const file = join(sourceOf({ version, ...framework }), version.file);
  const found = version.pattern.exec(readFileSync(file, 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${file} names no version where ${version.pattern} looks.`);
  return found;
}

/**
 * @returns the folder of the built service
 * @throws NotBuildable in one sentence
 */
export async function buildOnce(framework: Framework, say: (text: string) => void): Promise<string> {
  const tool = framework.build[0]?.[0] ?? '';
  const toolVersion = firstLineOf(tool);
  const source = sourceOf(framework);
  const root = join(repositoryRoot(), '.cache', 'interop');
  const digest = digestOf([toolVersion, process.arch, JSON.stringify(framework.build)], source);
  const home = join(root, `${framework.name}-${digest}`);
  if (existsSync(home)) return home;
  await mkdir(root, { recursive: true });
  const aside = `${home}.${process.pid}-${randomUUID().slice(0, 8)}`;
  await removeOldBuilds(root, framework.name);
  const deadlineMs = performance.now() + BUILD_LIMIT_MS;
  try {
    await cp(source, aside, { recursive: true });
    for (const command of framework.build) {
      say(`building ${framework.name}, once: ${command.join(' ')}`);
      await runStep(command, aside, deadlineMs, (seconds) => say(`  ... ${seconds} s`));
    }
    await rename(aside, home).catch((error: unknown) => {
      // Somebody else was faster; theirs is as good as ours.
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return home;
}

/** What a service was before it changed, and what a killed build left; not what another process builds right now. */
async function removeOldBuilds(root: string, name: string): Promise<void> {
  for (const folder of readdirSync(root).filter((entry) => entry.startsWith(`${name}-`))) {
    const builder = /\.(\d+)-[0-9a-f]{8}$/.exec(folder)?.[1];
    if (builder !== undefined && isAlive(Number(builder))) continue;
    await rm(join(root, folder), { recursive: true, force: true });
  }
}

function firstLineOf(tool: string): string {
  const { stdout, error } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
  if (error) throw new NotBuildable(`${tool} is not installed`, { cause: error });
  return stdout.split('\n')[0] ?? '';
}

function digestOf(facts: readonly string[], folder: string): string {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(JSON.stringify([name, readFileSync(path, 'utf8')]));
  }
  return hash.digest('hex').slice(0, 8);
}

async function runStep(
  [command = '', ...args]: readonly string[],
  cwd: string,
  deadlineMs: number,
  onProgress: (seconds: number) => void,
): Promise<void> {
  // A group of its own: what the tool starts goes with it.
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  let output = '';
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-OUTPUT_TAIL_CHARACTERS));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const startedAtMs = performance.now();
  const progress = setInterval(
    () => onProgress(Math.round((performance.now() - startedAtMs) / 1000)),
    PROGRESS_EVERY_MS,
  );
  let late = false;
  const limit = setTimeout(
    () => {
      late = true;
      kill();
    },
    Math.max(0, deadlineMs - startedAtMs),
  );
  process.once('exit', kill);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve(null);
    });
    child.once('close', resolve);
  });
  clearInterval(progress);
  clearTimeout(limit);
  process.off('exit', kill);
  if (late) throw new NotBuildable(`its build took more than ${BUILD_LIMIT_MS / 60_000} minutes`);
  if (code === 0) return;
  const missing = missingIn(output);
  if (missing !== undefined) throw new NotBuildable(missing);
  throw new Error(`${command} ended with ${code}:\n${output}`);
}

/** How the package tools say that something is not to be had, or that there is no way to the registry. */
const MISSING =
  /Could not (?:find artifact|transfer)|No matching distribution|No module named pip|\b(?:E404|ETARGET|ENOTFOUND|EAI_AGAIN|ECONNREFUSED)\b|Temporary failure in name resolution/;

/** The line that tells what a failed build lacked, without addresses; undefined when that was not the reason. */
export function missingIn(output: string): string | undefined {
  const line = output.split('\n').find((text) => MISSING.test(text));
  if (line === undefined) return undefined;
  const artifact = /Could not find artifact (\S+)/.exec(line)?.[1];
  if (artifact !== undefined) return `the registry has no ${artifact}`;
  return line
    .replaceAll(/\(?https?:\S+/g, '')
    .replace(/^[\s[\]A-Za-z]*(?:ERROR\]?:?|error)\s+/, '')
    .trim()
    .slice(0, 160);
}
