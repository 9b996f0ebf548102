import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { test } from 'node:test';
import { Turns } from '../../../bridge/request/turns';

test('no more at once than may be, in the order they came, whether they succeed or fail', async () => {
  const turns = new Turns(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const runs = [0, 1, 2, 3].map((number) =>
    turns.run(() => {
      started.push(number);
      return new Promise<number>((resolve, reject) => {
        ends[number] = () => (number === 1 ? reject(new Error('failed')) : resolve(number));
      });
    }),
  );
  const results = Promise.allSettled(runs);
  assert.deepEqual(started, [0, 1]);
  for (const [ending, expected] of [
    [1, [0, 1, 2]],
    [0, [0, 1, 2, 3]],
    [3, [0, 1, 2, 3]],
    [2, [0, 1, 2, 3]],
  ] as const) {
    ends[ending]!();
    await turnOfTheLoop();
    assert.deepEqual(started, expected);
  }
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  assert.equal(await turns.run(() => Promise.resolve('free again')), 'free again');
});
