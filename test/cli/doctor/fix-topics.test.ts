import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { isWanted } from '../../../cli/doctor/fix-topics';

test('Ctrl-C at the question ends it, and is no answer', async () => {
  const interruption = new AbortController();
  const sink = { write: () => undefined };
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const asked = isWanted([], {
    stdin,
    stdout: sink,
    stderr: sink,
    env: {},
    interrupted: interruption.signal,
  });
  interruption.abort();
  await assert.rejects(asked, { name: 'AbortError' });
});
