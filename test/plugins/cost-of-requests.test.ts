import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

// The same takes 5640 in Node.js 24 and 4870 in 20 and 22.
const MOST_BYTES_PER_REQUEST = Number.parseInt(process.versions.node, 10) < 24 ? 5500 : 6300;
const FLAGS = ['--expose-gc', '--max-semi-space-size=64'];
const PROGRAM = join(__dirname, '../support/cost-of-requests.js');

/** Some 4500 were seen, and 7000 when header objects had computed keys and each deadline a closure. */
test('a plain request leaves a few kilobytes of garbage in the bridge at most', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, PROGRAM]);
  const bytes = Number.parseInt(stdout, 10);
  assert.ok(bytes > 0 && bytes <= MOST_BYTES_PER_REQUEST, stdout);
});
