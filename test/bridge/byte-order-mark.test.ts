import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutMark } from '../../bridge/byte-order-mark';

test('one mark at the beginning is left out, without a copy, and nothing else', () => {
  const marked = Buffer.from('\ufeff{}');
  const plain = withoutMark(marked);
  assert.equal(plain.toString(), '{}');
  plain[0] = 0x5b;
  assert.equal(marked[3], 0x5b);
  for (const text of ['', '{}', '{"a":"\ufeff"}', ' \ufeff']) {
    const bytes = Buffer.from(text);
    assert.equal(withoutMark(bytes), bytes);
  }
  assert.equal(withoutMark(Buffer.from('\ufeff\ufeffx')).toString(), '\ufeffx');
  assert.equal(withoutMark(Buffer.from([0xef, 0xbb])).length, 2);
});
