import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atPointer, parseJsonPointer } from '../../../bridge/request/json-pointer';

/** The document and the pointers of RFC 6901, section 5. */
test('finds what RFC 6901 says', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'e^f': 3, ' ': 7, 'm~n': 8 };
  const at = (pointer: string) => atPointer(document, parseJsonPointer(pointer)!);
  assert.equal(at(''), document);
  assert.deepEqual(at('/foo'), ['bar', 'baz']);
  assert.equal(at('/foo/0'), 'bar');
  assert.equal(at('/'), 0);
  assert.equal(at('/a~1b'), 1);
  assert.equal(at('/c%d'), 2);
  assert.equal(at('/ '), 7);
  assert.equal(at('/m~0n'), 8);
});

test('nothing is found in prototypes, beyond the end, or behind a value', () => {
  const at = (pointer: string) => atPointer({ a: [1], s: 'text' }, parseJsonPointer(pointer)!);
  for (const pointer of [
    '/__proto__',
    '/constructor',
    '/a/length',
    '/a/1',
    '/a/-',
    '/a/00',
    '/s/0',
    '/a/0/x',
  ])
    assert.equal(at(pointer), undefined, pointer);
});

test('what is not a pointer is not parsed', () => {
  for (const text of ['a', 'a/b', '/a~', '/a~2']) assert.equal(parseJsonPointer(text), undefined);
});
