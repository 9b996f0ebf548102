import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const MOST_BYTES_PER_REQUEST = 5500;
const FLAGS = ['--expose-gc', '--max-semi-space-size=64'];
const PROGRAM = join(__dirname, '../support/cost-of-requests.js');

/** Some 4500 were seen, and 7000 when header objects had computed keys and each deadline a closure. */
test('a plain request leaves five and a half kilobytes of garbage in the bridge at most', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, PROGRAM]);
  const bytes = Number.parseInt(stdout, 10);
  assert.ok(bytes > 0 && bytes <= MOST_BYTES_PER_REQUEST, stdout);
});
