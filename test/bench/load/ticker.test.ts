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

test('ticks come no earlier than they are due', async () => {
  assert.ok((await ticks(0.5, 40)) >= 19.9);
});

test('a stop ends its own ticks and nobody else’s, and none of them reaches the next one', async () => {
  let late = 0;
  const stop = tickEvery(0.25, () => late++);
  // Long enough for ticks to be on their way already.
  const untilMs = performance.now() + 5;
  while (performance.now() < untilMs);
  stop();
  assert.ok((await ticks(2, 10)) >= 19.9);
  assert.equal(late, 0);
  const next = ticks(1, 3);
  stop();
  await next;
});
