import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const MOST_BYTES_PER_WAIT = 2048;
const PROGRAM = join(__dirname, '../support/cost-of-waits.js');

async function bytesPerWait(waits: number, bodyBytes: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, String(waits), String(bodyBytes)]);
  return Number(stdout);
}

test('a request that waits costs two kilobytes at most', async () => {
  const bytes = await bytesPerWait(1000, 0);
  assert.ok(bytes > 0 && bytes <= MOST_BYTES_PER_WAIT, `${bytes} bytes`);
});

/**
 * The callback for the deadline could see the record, and so kept its body until the reply came: ten thousand requests
 * with a megabyte each held 10 GB, which no limit counted.
 */
test('what it costs does not depend on its body', async () => {
  const bytes = await bytesPerWait(1000, 64 * 1024);
  // Node.js 22 gives memory of the bodies before back meanwhile, which may be more than the waits cost.
  assert.ok(Math.abs(bytes) <= MOST_BYTES_PER_WAIT, `${bytes} bytes`);
});
