/** What is shipped must run without what is only here for development. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { PLUGINS } from '../common/plugins';

const ROOT = join(__dirname, '..', '..');
const SHIPPED = ['plugins', 'pluginserver', 'bridge', 'common', 'listener', 'status', 'replay', 'cli'];

interface Manifest {
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

function compiledFiles(folder: string): string[] {
  return readdirSync(join(ROOT, 'dist', folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => join(ROOT, 'dist', folder, path));
}

test('shipped code needs nothing but node, its own files and the run-time dependencies', () => {
  for (const file of SHIPPED.flatMap(compiledFiles)) {
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
      if (isBuiltin(name)) continue;
      const dependency = name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/');
      const own = name.startsWith('.') && !/\/(dev|test|bench)\//.test(name);
      // Loaded only where it is asked for, and only there it may be missing.
      const optional = file.endsWith('/bridge/telemetry/trace-export.js');
      const known = optional ? manifest.optionalDependencies : manifest.dependencies;
      assert.ok(own || dependency in known, `${file} requires ${name}`);
    }
  }
});

test('nobody loads what may be missing before it is asked for', () => {
  for (const file of SHIPPED.flatMap(compiledFiles)) {
    assert.doesNotMatch(readFileSync(file, 'utf8'), /= require\(["'][^"']*trace-export["']\)/, file);
  }
});

test('only one folder knows the Kafka client', () => {
  for (const file of ['plugins', 'pluginserver', 'bridge', 'replay', 'cli', 'dev', 'bench'].flatMap(
    compiledFiles,
  )) {
    if (file.startsWith(join(ROOT, 'dist', 'bridge', 'kafka'))) continue;
    assert.doesNotMatch(readFileSync(file, 'utf8'), /require\(["']node-rdkafka["']\)/, file);
  }
});

test('the plugin server knows no Kafka, and the bridge no plugin and no protocol of Kong', () => {
  for (const file of compiledFiles('pluginserver')) {
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/require\(["'](\.\.?\/[^"']+)["']\)/g)) {
      const name = relative(join(ROOT, 'dist', 'pluginserver'), resolve(dirname(file), path));
      if (!name.startsWith('../')) continue;
      assert.match(
        name,
        /^\.\.\/(common\/|listener\/|status\/|bridge\/(errors|clock|bytes-in-flight|thread-pool-size|telemetry\/))/,
        file,
      );
    }
  }
  for (const file of compiledFiles('bridge')) {
    assert.doesNotMatch(
      readFileSync(file, 'utf8'),
      /require\(["'][./]+(plugins|pluginserver|status)\//,
      file,
    );
  }
});

test('the status page knows nothing but what it is handed', () => {
  for (const file of compiledFiles('status')) {
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/require\(["']([^"']+)["']\)/g)) {
      assert.ok(name.startsWith('./') || isBuiltin(name), `${file} requires ${name}`);
    }
  }
});

/** The stock server tries to load every entry of the folder, and prints warnings into the dump about those it cannot. */
test('the plugins folder holds the listed plugins and nothing else', () => {
  assert.deepEqual(readdirSync(join(ROOT, 'dist', 'plugins')).sort(), PLUGINS.map(({ name }) => name).sort());
});
