/** The workflow for public use runs what is there, on the versions that are said to be supported. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseOptions } from '../../pluginserver/options';

const ROOT = join(__dirname, '..', '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Step {
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Job {
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly Step[];
  readonly ['timeout-minutes']?: number;
}

const { jobs, permissions } = parse(read('.github/workflows/test.yml')) as {
  jobs: Record<string, Job>;
  permissions: Record<string, string>;
};
const VERSIONS = read('docs/versions.md');
const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

describe('the workflow', () => {
  it('may read, and ends', () => {
    assert.deepEqual(permissions, { contents: 'read' });
    for (const [name, job] of Object.entries(jobs)) assert.ok(job['timeout-minutes']! > 0, name);
  });

  it('runs targets that the Makefile has', () => {
    const makefile = read('Makefile');
    const targets = commands.flatMap((command) =>
      [...command.matchAll(/^make ([a-z -]+)/gm)].flatMap(([, list = '']) => list.trim().split(' ')),
    );
    assert.ok(targets.length > 5);
    for (const target of targets) assert.match(makefile, new RegExp(`^${target}:`, 'm'), target);
  });

  it('names files and programs that are there', () => {
    for (const command of commands) {
      for (const [, path = ''] of command.matchAll(/node (dist\/\S+\.js)/g))
        assert.ok(existsSync(join(ROOT, path)), path);
      for (const [, path = ''] of command.matchAll(/-f (Dockerfile\S*)/g))
        assert.ok(existsSync(join(ROOT, path)), path);
      for (const [, path = ''] of command.matchAll(/\/opt\/kong-kafka-request-reply\/(kong\/[\w.-]+)/g))
        assert.ok(existsSync(join(ROOT, path)), path);
    }
  });

  it('tests every version of Node.js that the package is for, the oldest one to the letter', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const supported = engines.node.split(' || ').map((range) => range.slice(1));
    const tested = jobs.node!.strategy!.matrix.node!;
    assert.deepEqual(
      tested.map((version) => version.split('.')[0]),
      supported.map((version) => version.split('.')[0]),
    );
    assert.equal(tested[0], supported[0]);
  });

  it('tests the Kafka that everything else is tested with, and others', () => {
    const [, version] = /<kafka\.version>([^<]+)</.exec(read('dev/kafka/pom.xml')) ?? [];
    const tested = jobs.kafka!.strategy!.matrix.kafka!;
    assert.equal(tested.at(-1), version);
    for (const one of tested) assert.ok(VERSIONS.includes(one), one);
  });

  it('tests real Kongs by the environment that the tests look at', () => {
    const tests = read('test/e2e/main-job.test.ts');
    for (const name of ['KONG_PROXY_URL', 'KAFKA_BOOTSTRAP']) {
      const files = tests + read('test/support/stack.ts') + read('dev/kafka/use-kafka.ts');
      assert.ok(files.includes(name), name);
    }
    for (const job of ['kong', 'kong-versions'])
      assert.ok(
        jobs[job]!.steps.some(({ env }) => env?.KONG_PROXY_URL === 'http://localhost:8000'),
        job,
      );
    for (const one of jobs['kong-versions']!.strategy!.matrix.kong!) assert.ok(VERSIONS.includes(one), one);
  });

  it('has the sockets where the image has them', () => {
    const options = parseOptions(['--socket-dir=/run/kong-kafka']);
    assert.equal(options.command, 'serve');
    const mounts = commands.flatMap((command) =>
      [...command.matchAll(/-v sockets:(\S+)/g)].map(([, path]) => path),
    );
    assert.deepEqual(mounts, ['/run/kong-kafka', '/run/kong-kafka']);
  });
});
