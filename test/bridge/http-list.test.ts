import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listItems, nameAndValue } from '../../bridge/http-list';

const LISTS: [text: string, separators: string, items: string[]][] = [
  ['a, b;c , d', ',', ['a', 'b;c', 'd']],
  ['a, b;c', ',;', ['a', 'b', 'c']],
  ['', ',', []],
  [' , ,, ', ',', []],
  ['a="x, y", b', ',', ['a="x, y"', 'b']],
  ['a="x\\", y", b', ',', ['a="x\\", y"', 'b']],
  ['a="never closed, b', ',', ['a="never closed, b']],
  ['a\\, b', ',', ['a\\', 'b']],
];

for (const [text, separators, items] of LISTS) {
  test(`the items of ${JSON.stringify(text)} by ${separators}`, () => {
    assert.deepEqual(listItems(text, separators), items);
  });
}

test('an item is a name with or without a value, quoted or not', () => {
  assert.deepEqual(nameAndValue('respond-async'), ['respond-async', '']);
  assert.deepEqual(nameAndValue('Wait = 10'), ['wait', '10']);
  assert.deepEqual(nameAndValue('wait="1\\0"'), ['wait', '10']);
  assert.deepEqual(nameAndValue('a="'), ['a', '"']);
  assert.deepEqual(nameAndValue('a=b=c'), ['a', 'b=c']);
});

test('a megabyte of anything is read at once', () => {
  for (const unit of [',', '"', '\\', '"\\', 'a=";', ' ', 'q=0,;']) {
    const startedAtMs = performance.now();
    listItems(unit.repeat(1_000_000 / unit.length), ',;').map(nameAndValue);
    assert.ok(performance.now() - startedAtMs < 2000, unit);
  }
});
