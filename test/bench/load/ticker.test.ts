import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tickEvery } from '../../../bench/load/ticker';

function ticks(everyMs: number, count: number): Promise<number> {
  return new Promise((resolve) => {
    const beganMs = performance.now();
    let seen = 0;
    const stop = tickEvery(everyMs, () => {
      if (++seen < count) return;
      stop();
      resolve(performance.now() - beganMs);
    });
  });
}

test('ticks come no earlier than they are due, and after a stop those of the next one', async () => {
  assert.ok((await ticks(0.5, 40)) >= 19);
  let late = 0;
  const stop = tickEvery(0.25, () => late++);
  stop();
  assert.ok((await ticks(2, 10)) >= 18);
  assert.equal(late, 0);
  // Of one that is over already: the running one is not stopped by it.
  const next = ticks(1, 3);
  stop();
  await next;
});
