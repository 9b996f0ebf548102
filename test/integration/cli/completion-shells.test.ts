/** The completion scripts for zsh and fish, read by zsh and fish themselves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { unpackDebianPackages } from '../../../dev/debian-packages';
import { runInside } from '../../cli/run-cli';

const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let unpacked = '';
before(async () => {
  unpacked = await unpackDebianPackages('shells', ['zsh', 'fish', 'fish-common', 'libpcre2-32-0']);
  for (const shell of ['zsh', 'fish'])
    writeFileSync(join(folder, shell), (await runInside(['completion', shell])).stdout);
});

const run = (program: string, ...args: string[]): string =>
  execFileSync(join(unpacked, program), args, {
    encoding: 'utf8',
    env: { HOME: folder, LD_LIBRARY_PATH: join(unpacked, 'usr', 'lib', 'x86_64-linux-gnu') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

test('zsh can read its script', () => {
  assert.equal(run('bin/zsh', '-f', '-n', join(folder, 'zsh')), '');
});

test('fish completes commands, flags and values', () => {
  const functions = join(unpacked, 'usr', 'share', 'fish', 'functions');
  const offered = (line: string) =>
    run(
      'usr/bin/fish',
      '--no-config',
      '-c',
      `set fish_function_path ${functions}; source ${join(folder, 'fish')}; complete -C "${line}"`,
    )
      .split('\n')
      .map((words) => words.split('\t')[0] ?? '')
      .filter((word) => word !== '');
  assert.deepEqual(offered('kong-kafka kong-'), ['kong-conf']);
  assert.deepEqual(offered('kong-kafka doctor --probe-b'), ['--probe-body']);
  assert.deepEqual(offered('kong-kafka kong-conf --mode ').sort(), ['external', 'managed']);
  assert.deepEqual(offered('kong-kafka completion ').sort(), ['bash', 'fish', 'zsh']);
});
