import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeenRecords } from '../../../bridge/streams/seen-records';

/** A message with `end_header` and no `count` kept a key of each of its replies until its connection ended. */
test('a record is seen once, and of very many the last are known', () => {
  const seen = new SeenRecords();
  for (let offset = 0; offset < 3000; offset++) assert.equal(seen.add({ partition: 0, offset }), true);
  assert.equal(seen.size, 1024);
  assert.equal(seen.add({ partition: 0, offset: 2999 }), false);
  assert.equal(seen.add({ partition: 0, offset: 3000 - 1024 }), false);
  assert.equal(seen.add({ partition: 1, offset: 2999 }), true, 'each partition counts for itself');
  assert.equal(seen.add({ partition: 0, offset: 3000 - 1024 }), true, 'the oldest went for it');
});
