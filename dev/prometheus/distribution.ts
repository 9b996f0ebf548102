/**
 * Prometheus and promtool for tests: those on the PATH, else Debian's package, fetched once and unpacked into
 * `.cache/prometheus`. Nothing is installed.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { unpackDebianPackages } from '../debian-packages';

export interface PrometheusDistribution {
  readonly prometheus: string;
  readonly promtool: string;
}

/** @throws Error with one sentence where it cannot be had */
export async function preparePrometheus(): Promise<PrometheusDistribution> {
  const installed = programsIn((process.env.PATH ?? '').split(delimiter));
  if (installed) return installed;
  const unpacked = await unpackDebianPackages('prometheus', ['prometheus']);
  const found = programsIn([join(unpacked, 'usr', 'bin')]);
  if (!found) throw new Error(`There is no prometheus in ${unpacked}.`);
  return found;
}

function programsIn(folders: readonly string[]): PrometheusDistribution | undefined {
  const find = (name: string): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [prometheus, promtool] = [find('prometheus'), find('promtool')];
  return prometheus === undefined || promtool === undefined ? undefined : { prometheus, promtool };
}
