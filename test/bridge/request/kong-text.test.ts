import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textFromKong, utf8Text } from '../../../bridge/request/kong-text';

test('bytes are UTF-8 if they can be, else latin1; text stays text', () => {
  assert.equal(textFromKong('plain'), 'plain');
  assert.equal(textFromKong('caf\xc3\xa9'), 'café');
  assert.equal(textFromKong('caf\xe9'), 'café');
  assert.equal(textFromKong('5 €'), '5 €');
});

test('what is not UTF-8 is not text, and a byte order mark is a character', () => {
  assert.equal(utf8Text(Buffer.from([0xc3])), undefined);
  assert.equal(utf8Text(Buffer.from('\ufeffa')), '\ufeffa');
});
