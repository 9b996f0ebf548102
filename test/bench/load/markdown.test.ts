import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown } from '../../../bench/load/markdown';

test('columns are as wide as their widest cell, and numbers end below each other', () => {
  const lines = ['|    n | name |', '|-----:|-----:|', '| 1000 |    a |', '|    7 |  b–c |'];
  const rows = ['n name', '1000 a', '7 b–c'].map((line) => line.split(' '));
  assert.equal(markdown(rows), lines.join('\n'));
});
