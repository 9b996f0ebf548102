import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fifo } from '../../bridge/fifo';

test('what comes first goes first, and places are counted from there', () => {
  const fifo = new Fifo<string>();
  assert.deepEqual([fifo.size, fifo.first, fifo.drop(), fifo.at(0)], [0, undefined, undefined, undefined]);
  for (let n = 0; n < 1000; n++) {
    fifo.push(String(n));
    if (fifo.size > 7) assert.equal(fifo.drop(), String(n - 6));
    assert.equal(fifo.at(fifo.size - 1), String(n));
  }
  assert.deepEqual(fifo.all(), ['993', '994', '995', '996', '997', '998', '999']);
  assert.deepEqual([fifo.first, fifo.at(1), fifo.at(-1), fifo.at(7)], ['993', '994', undefined, undefined]);
  fifo.clear();
  assert.deepEqual([fifo.size, fifo.all()], [0, []]);
});
