import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codingsOf, isContentCoding } from '../../bridge/content-coding';

test('codings are named in the order they were applied, in lower case, and identity is none', () => {
  for (const [header, codings] of [
    ['gzip', ['gzip']],
    ['GZip , Br', ['gzip', 'br']],
    ['x-gzip', ['gzip']],
    ['identity', []],
    ['', []],
    [' , ,Identity', []],
    ['aws-chunked,gzip', ['aws-chunked', 'gzip']],
  ] as const) {
    assert.deepEqual(codingsOf(header), codings, header);
  }
});

test('a coding is known by its name alone', () => {
  for (const coding of ['gzip', 'deflate', 'br', 'zstd']) assert.ok(isContentCoding(coding));
  for (const coding of ['compress', 'identity', '', 'toString', 'gzip;q=1'])
    assert.ok(!isContentCoding(coding));
});
