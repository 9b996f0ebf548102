/** The command as a process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const MAIN = join(__dirname, '..', '..', 'replay', 'main.js');

function run(line: string) {
  return spawnSync('bash', ['-c', line], { env: { ...process.env, NODE: process.execPath, MAIN } });
}

test('a reader that leaves early is no failure, and changes no exit status', () => {
  const help = run('"$NODE" "$MAIN" --help | true; exit "${PIPESTATUS[0]}"');
  assert.deepEqual([help.status, help.stderr.toString()], [0, '']);
  const usage = run('"$NODE" "$MAIN" --nonsense 2>&1 | true; exit "${PIPESTATUS[0]}"');
  assert.equal(usage.status, 2);
});
