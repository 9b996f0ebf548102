import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdictLine } from '../../../bench/load/verdict';

test('a verdict begins with PASS or FAIL', () => {
  const lines = [true, false].map((holds) => verdictLine({ rule: 'none lost', found: '3 lost', holds }));
  assert.deepEqual(lines, ['PASS  none lost: 3 lost', 'FAIL  none lost: 3 lost']);
});
