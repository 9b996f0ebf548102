import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { flagsBeside } from '../../pluginserver/full-collections';

const nameOf = (flag: string) => flag.split('=')[0]!;

// V8 goes on without a flag that it does not know, and says so on stderr: the one sign that a newer node has lost one.
test('this version of node knows every flag', () => {
  for (const flag of flagsBeside([])) {
    const { status, stderr } = spawnSync(process.execPath, [flag, '-e', '0'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, ''], flag);
  }
});

test('what node was started with stays', () => {
  const [first = '', ...others] = flagsBeside([]);
  assert.deepEqual(flagsBeside([`${nameOf(first)}=7`]), others);
  assert.deepEqual(flagsBeside([`--${nameOf(first).slice(2).replaceAll('-', '_')}`, '7']), others);
  assert.deepEqual(flagsBeside(['--max-semi-space-size=64']), [first, ...others]);
});
