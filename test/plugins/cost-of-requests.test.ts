import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

// The same takes 5640 in Node.js 24 and 4870 in 20 and 22.
const MOST_BYTES_PER_REQUEST = Number.parseInt(process.versions.node, 10) < 24 ? 5500 : 6300;
const MOST_SURVIVING_BYTES = 700;

async function bytesSaidBy(program: string, youngMb: number): Promise<number> {
  const flags = ['--expose-gc', `--max-semi-space-size=${youngMb}`];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    join(__dirname, '../support', program),
  ]);
  return Number.parseInt(stdout, 10);
}

/** Some 4500 were seen, and 7000 when header objects had computed keys and each deadline a closure. */
test('a plain request leaves a few kilobytes of garbage in the bridge at most', async () => {
  const bytes = await bytesSaidBy('cost-of-requests.js', 64);
  assert.ok(bytes > 0 && bytes <= MOST_BYTES_PER_REQUEST, `${bytes} bytes`);
});

/**
 * Some 400 were seen, which is the id that is remembered for a while, and 1100 with the waits in a Map, of whose old tables
 * one keeps the next: see common/roster.ts.
 */
test('of a plain request that is over nothing survives a collection in the bridge but its id', async () => {
  const bytes = await bytesSaidBy('survivors-of-requests.js', 1);
  assert.ok(bytes <= MOST_SURVIVING_BYTES, `${bytes} bytes`);
});
