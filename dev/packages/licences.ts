/** What the package brings along when it is installed, and under which licences. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  /** Works without it. */
  readonly optional: boolean;
  readonly hasInstallScript: boolean;
  /** Versions of Node.js it is for; undefined: it does not say. */
  readonly node: string | undefined;
}

/** All that may be used, changed and passed on in closed products as long as its notice goes along. */
const PERMISSIVE: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
]);

/** @param expression SPDX, such as `(Apache-2.0 AND BSD-3-Clause)`; of an OR one side is enough */
export function isPermissive(expression: string): boolean {
  const words = expression.replaceAll(/[()]/g, ' ').trim();
  return words
    .split(/\s+AND\s+/)
    .every((both) => both.split(/\s+OR\s+/).some((licence) => PERMISSIVE.has(licence)));
}

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

/** Of the lock file: what an installation without development packages has. */
export function installedPackages(root: string): InstalledPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, locked]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: locked.version ?? '',
      licence: locked.license ?? 'unknown',
      optional: locked.optional === true,
      hasInstallScript: locked.hasInstallScript === true,
      node: locked.engines?.node,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The C library that is compiled with the Kafka client, and what lies in it: its own list of licences. */
export function librdkafka(root: string): { readonly version: string; readonly licences: string } {
  const folder = join(root, 'node_modules', 'node-rdkafka');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { librdkafka: string };
  const licences = readFileSync(join(folder, 'deps', 'librdkafka', 'LICENSES.txt'), 'utf8');
  return { version: manifest.librdkafka, licences };
}

/** The list for people. The full texts are in the package of each, and those of librdkafka below. */
export function licenceList(root: string): string {
  const { version, licences } = librdkafka(root);
  const rows = [
    ...installedPackages(root),
    { name: 'librdkafka, in node-rdkafka', version, licence: 'BSD-2-Clause', optional: false },
  ].map(({ name, version, licence, optional }) => [
    `${name} ${version}`,
    licence,
    optional ? 'optional' : '',
  ]);
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return [
    'What is installed together with kong-kafka-request-reply, and under which licences.',
    '',
    ...rows.map(([name = '', licence = '', note = '']) =>
      `${name.padEnd(width)}  ${licence.padEnd(32)}${note}`.trimEnd(),
    ),
    '',
    'The licences of librdkafka and of what it contains:',
    '',
    licences,
  ].join('\n');
}
