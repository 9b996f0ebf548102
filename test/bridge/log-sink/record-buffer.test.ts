import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buffered, RecordBuffer } from '../../../bridge/log-sink/record-buffer';

test('ten thousand come and go in order, and nothing is left of them', () => {
  const buffer = new RecordBuffer();
  let [next, expected] = [0, 0];
  for (let round = 0; round < 100; round++) {
    for (let count = 0; count < 100 + round; count++)
      buffer.push(buffered({ topic: 't', value: Buffer.from(String(next++)), headers: [] }));
    for (let count = 0; count < 100; count++)
      assert.equal(buffer.shift()?.record.value?.toString(), String(expected++));
    assert.equal(buffer.size, next - expected);
  }
  while (buffer.shift()) expected++;
  assert.equal(expected, next);
  assert.deepEqual([buffer.size, buffer.bytes, buffer.oldest], [0, 0, undefined]);
});
