/** `make release`: see USAGE. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RELEASED_VERSION } from '../../bridge/config/released-options';
import { outdatedFiles } from '../generate';
import { installedPackages, isPermissive } from './licences';
import { releaseChecks, releaseSteps, type ReleaseFacts } from './release';
import { writeMaterials } from './sbom-cli';

const USAGE = `Usage: node dist/dev/packages/release-cli.js [--execute]

Says whether the version in package.json can be released, and what would be done. Nothing is written.

  --execute  do it: the package, its bill of materials and its licences in .release, and a tag. What others would
             see of it (push, publish) is printed and left to you.
  --help     show this text
`;

const ROOT = join(__dirname, '..', '..', '..');

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

interface Manifest {
  readonly name: string;
  readonly version: string;
}

const json = (path: string): Manifest => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest;

function facts(): ReleaseFacts {
  return {
    version: json('package.json').version,
    lockVersion: json('package-lock.json').version,
    changelog: readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'),
    outdated: outdatedFiles(ROOT),
    changes: lines(run('git', 'status', '--porcelain')),
    tags: lines(run('git', 'tag', '--list', 'v*')),
    recordedVersion: RELEASED_VERSION,
    notPermissive: installedPackages(ROOT)
      .filter(({ licence }) => !isPermissive(licence))
      .map(({ name, licence }) => `${name} (${licence})`),
  };
}

function execute(version: string): void {
  const folder = join(ROOT, '.release');
  mkdirSync(folder, { recursive: true });
  run('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder);
  writeMaterials(folder);
  run('git', 'tag', '--annotate', `v${version}`, '--message', `Version ${version}`);
}

function main(): void {
  const { values } = parseArgs({ options: { execute: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const { name, version } = json('package.json');
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  const checks = releaseChecks(facts());
  say(`${name} ${version}`);
  for (const check of checks)
    say(
      `  ${check.problem === undefined ? 'ok ' : 'NO '} ${check.name}${check.problem ? `: ${check.problem}` : ''}`,
    );
  const isReady = checks.every(({ problem }) => problem === undefined);
  const { own, byHand } = releaseSteps(name, version);
  if (values.execute === true && isReady) execute(version);
  const isDone = values.execute === true && isReady;
  say(isDone ? 'Done:' : `Would be done${isReady ? ', with --execute' : ' if it were ready'}:`);
  for (const step of own) say(`  ${step}`);
  say('Then, by hand, after `make lint typecheck test bench bench-check`:');
  for (const step of byHand) say(`  ${step}`);
  if (!isReady) process.exitCode = 1;
}

main();
