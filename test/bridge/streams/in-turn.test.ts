import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InTurn } from '../../../bridge/streams/in-turn';

test('what takes a while is waited for, and what is there at once is no loop in a loop', () => {
  const left = Array.from({ length: 50_000 }, (_, n) => n);
  const did: number[] = [];
  let go: (() => void) | undefined;
  const inTurn = new InTurn<number>(
    () => left.shift(),
    (n, done) => {
      did.push(n);
      if (n === 1) go = done;
      else done();
    },
  );
  inTurn.goOn();
  inTurn.goOn();
  assert.deepEqual(did, [0, 1]);
  go!();
  assert.equal(did.length, 50_000);
  left.push(50_000);
  inTurn.goOn();
  assert.equal(did.at(-1), 50_000);
});
