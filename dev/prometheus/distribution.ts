/**
 * Prometheus and promtool for tests: those on the PATH, else Debian's package, fetched once and unpacked into
 * `.cache/prometheus`. Nothing is installed.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { buildAside } from '../build-aside';
import { repositoryRoot } from '../kafka/paths';
import { runTool } from '../run-tool';

export interface PrometheusDistribution {
  readonly prometheus: string;
  readonly promtool: string;
}

/** @throws Error with one sentence where it cannot be had */
export async function preparePrometheus(): Promise<PrometheusDistribution> {
  const installed = programsIn((process.env.PATH ?? '').split(delimiter));
  if (installed) return installed;
  const home = join(repositoryRoot(), '.cache', 'prometheus');
  const unpacked = join(home, 'debian');
  if (!existsSync(unpacked)) {
    await mkdir(home, { recursive: true });
    process.stderr.write("prometheus: fetching Debian's package, about 20 MB, once ...\n");
    await buildAside(unpacked, unpackPackage);
  }
  const found = programsIn([join(unpacked, 'usr', 'bin')]);
  if (!found) throw new Error(`There is no prometheus in ${unpacked}.`);
  return found;
}

async function unpackPackage(into: string): Promise<void> {
  await mkdir(into);
  await runTool('apt-get', ['download', 'prometheus'], 'Cannot run apt-get: install prometheus by hand.', {
    cwd: into,
  });
  const [file] = (await readdir(into)).filter((name) => name.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get has downloaded nothing.');
  await runTool('dpkg', ['-x', join(into, file), into], 'Cannot run dpkg: install prometheus by hand.');
  await rm(join(into, file));
}

function programsIn(folders: readonly string[]): PrometheusDistribution | undefined {
  const find = (name: string): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [prometheus, promtool] = [find('prometheus'), find('promtool')];
  return prometheus === undefined || promtool === undefined ? undefined : { prometheus, promtool };
}
