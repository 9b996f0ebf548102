/** What somebody gets who installs the package. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { installedPackages } from '../../../dev/packages/licences';

const ROOT = join(__dirname, '..', '..', '..', '..');

interface Manifest {
  readonly bin: Record<string, string>;
  readonly engines: { readonly node: string };
  readonly files: readonly string[];
  readonly scripts: Record<string, string>;
}
interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const [packed] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as [Packed];
const paths = packed.files.map(({ path }) => path);

describe('the package', () => {
  it('has these entries and no others', () => {
    assert.deepEqual([...new Set(paths.map((path) => path.split('/')[0]))].sort(), [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist',
      'docs',
      'examples',
      'kong',
      'package.json',
    ]);
  });

  it('has of what is compiled the rooms that run, without tests, development and benchmarks', () => {
    const rooms = manifest.files.filter((path) => path.startsWith('dist/'));
    for (const path of paths.filter((path) => path.startsWith('dist/')))
      assert.ok(rooms.some((room) => path.startsWith(`${room}/`)) && path.endsWith('.js'), path);
    assert.ok(!rooms.some((room) => /\/(test|dev|bench)$/.test(room)));
  });

  it('has every file that its commands and its settings name', () => {
    for (const target of Object.values(manifest.bin)) assert.ok(paths.includes(target), target);
    for (const settings of ['kong/kong-external.env', 'kong/kong-managed.env']) {
      const named = readFileSync(join(ROOT, settings), 'utf8').matchAll(
        /\/opt\/kong-kafka-request-reply\/([\w./-]+)/g,
      );
      for (const [, path = ''] of named) assert.ok(paths.includes(path), path);
    }
    const script = packed.files.find(({ path }) => path === 'kong/one-container.sh');
    assert.equal(script!.mode & 0o111, 0o111);
  });

  // Two and a quarter MB when this was written, half of it docs and dumps. A picture or a log that slips in is seen here.
  it('is small', () => {
    assert.ok(packed.size < 1024 * 1024, `${packed.size}`);
    assert.ok(packed.unpackedSize < 4 * 1024 * 1024, `${packed.unpackedSize}`);
  });

  it('runs nothing of its own when it is installed', () => {
    for (const name of [
      'preinstall',
      'install',
      'postinstall',
      'prepare',
      'prepublish',
      'prepack',
      'postpack',
    ])
      assert.ok(!(name in manifest.scripts), name);
    assert.ok(!existsSync(join(ROOT, 'binding.gyp')), 'npm would compile it');
  });
});

/** `^20.19.0 || ^22.12.0`: the least version of each major. */
const supported = manifest.engines.node.split(' || ').map((range) => {
  const [, version] = /^\^(\d+\.\d+\.0)$/.exec(range) ?? assert.fail(range);
  return version!.split('.').map(Number) as [number, number, number];
});

/** The forms that packages use: `>=20`, `^18.19.0 || >=20.6.0`, `>= 10.x`. */
function admits(range: string, version: readonly number[]): boolean {
  return range.split('||').some((part) => {
    const [, operator, text = ''] = /^\s*(>=|\^)\s*([\d.x]+)\s*$/.exec(part) ?? assert.fail(range);
    const wanted = text.split('.').map((number) => (number === 'x' ? 0 : Number(number)));
    if (operator === '^' && wanted[0] !== version[0]) return false;
    const first = version.findIndex((number, index) => number !== (wanted[index] ?? 0));
    return first < 0 || version[first]! > (wanted[first] ?? 0);
  });
}

describe('the versions of Node.js', () => {
  // Odd ones live half a year, and 25 needs a library that Kong's image does not have.
  it('are the three that are tested', () => {
    assert.deepEqual(
      supported.map(([major]) => major),
      [20, 22, 24],
    );
  });

  it('begin with the one that this repository is developed with', () => {
    assert.equal(readFileSync(join(ROOT, '.nvmrc'), 'utf8').trim(), supported[0]!.join('.'));
  });

  it('suit everything that is installed along', () => {
    for (const { name, node } of installedPackages(ROOT))
      for (const version of supported)
        assert.ok(node === undefined || admits(node, version), `${name}: ${node} for ${version.join('.')}`);
  });
});
