import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extendsAscii, foreignCharset, readText, strictReader } from '../../../bridge/request/charset';

test('UTF-8 and ASCII under any name are nothing foreign', () => {
  for (const type of [
    undefined,
    'text/plain',
    'text/plain; charset=UTF-8',
    'text/plain;charset="utf8"',
    'text/plain; charset=us-ascii',
    'text/plain; charset=""',
    'multipart/form-data; boundary="; charset=latin1"',
  ]) {
    assert.equal(foreignCharset(type), undefined, type);
  }
  assert.equal(foreignCharset('text/plain; boundary=x; Charset = "ISO-8859-1"'), 'iso-8859-1');
});

for (const [charset, bytes, text] of [
  ['latin1', [0xe9, 0x80, 0x92, 0x81], 'é€’\x81'],
  ['windows-1252', [0x9f], 'Ÿ'],
  ['iso-8859-15', [0xa4], '€'],
  ['shift_jis', [0x83, 0x65], 'テ'],
  ['gb18030', [0xc4, 0xe3], '你'],
  ['koi8-r', [0xc1], 'а'],
  ['utf-16le', [0x41, 0x00, 0x3d, 0xd8, 0x00, 0xde], 'A😀'],
  ['utf-16be', [0xfe, 0xff, 0x00, 0x41], 'A'],
  ['utf-16', [0xfe, 0xff, 0x00, 0x41], 'A'],
  ['utf-16', [0xff, 0xfe, 0x41, 0x00], 'A'],
  ['utf-16', [0x00, 0x41], 'A'],
  ['utf-16', [0x41, 0x00], 'A'],
] as const) {
  test(`${charset} is read: ${text}`, () => {
    assert.equal(strictReader(charset)(Buffer.from(bytes)), text);
    assert.equal(readText(Buffer.from(bytes), `text/plain; charset=${charset}`), text);
  });
}

test('damaged bytes are no text', () => {
  for (const [charset, bytes] of [
    ['shift_jis', [0x83]],
    ['utf-16le', [0x41]],
    ['utf-16le', [0x00, 0xd8]],
    ['utf-16', [0x41, 0x00, 0x00, 0xd8]],
    ['euc-kr', [0xff, 0xff]],
  ] as const) {
    assert.equal(readText(Buffer.from(bytes), `text/plain; charset=${charset}`), undefined);
    assert.throws(() => strictReader(charset)(Buffer.from(bytes)), { code: 'request_invalid' });
  }
});

test('a charset nobody knows is refused before anything is read', () => {
  for (const charset of ['utf-7', 'utf-32', 'hz-gb-2312', 'x-user-defined', 'nobodys', '__proto__']) {
    assert.throws(() => strictReader(charset), { code: 'unsupported_media_type' });
    assert.equal(readText(Buffer.from('x'), `text/plain; charset=${charset}`), undefined);
  }
});

test('where a byte of ASCII may be part of something else, a form cannot be taken apart first', () => {
  for (const charset of ['utf-16', 'utf-16be', 'iso-2022-jp']) assert.ok(!extendsAscii(charset), charset);
  for (const charset of ['latin1', 'shift_jis', 'koi8-r']) assert.ok(extendsAscii(charset), charset);
});
