/** Programs of Debian for tests: fetched by the system's own apt-get and unpacked. Nothing is installed. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAside } from './build-aside';
import { repositoryRoot } from './kafka/paths';
import { runTool } from './run-tool';

/**
 * Fetches the packages once, without what they depend on.
 * @param name of the folder in `.cache`
 * @returns the folder into which they were unpacked together
 * @throws Error with one sentence where they cannot be had
 */
export async function unpackDebianPackages(name: string, packages: readonly string[]): Promise<string> {
  const home = join(repositoryRoot(), '.cache', name);
  const unpacked = join(home, 'debian');
  if (existsSync(unpacked)) return unpacked;
  await mkdir(home, { recursive: true });
  process.stderr.write(`${name}: fetching Debian's packages, once ...\n`);
  await buildAside(unpacked, async (into) => {
    await mkdir(into);
    const missing = `Cannot run apt-get and dpkg: install ${packages.join(', ')} by hand.`;
    await runTool('apt-get', ['download', ...packages], missing, { cwd: into });
    const files = (await readdir(into)).filter((file) => file.endsWith('.deb'));
    if (files.length < packages.length) throw new Error('apt-get has not downloaded everything.');
    for (const file of files) {
      await runTool('dpkg', ['-x', join(into, file), into], missing);
      await rm(join(into, file));
    }
  });
  return unpacked;
}
