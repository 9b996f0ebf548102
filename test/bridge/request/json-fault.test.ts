import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonFault } from '../../../bridge/request/json-fault';

const faultOf = (json: string | Buffer) => jsonFault(Buffer.from(json as string));

test('JSON has no fault', () => {
  for (const json of [
    '{}',
    ' [ ] ',
    '[1, -0, 0.5, 1e5, 1E-5, 10.25e+1]',
    '{"a":{"b":[{},[],""]},"a":null,"":true}\n',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\uD83D é😀\x7f"',
    'false',
    '-1',
  ]) {
    assert.equal(faultOf(json), undefined, json);
  }
});

test('JSON that ends too early has its fault at its end', () => {
  const whole = '{"a":[true,-1.5e+7,"\\u00e9"]}';
  for (let length = 0; length < whole.length; length++) {
    assert.deepEqual(faultOf(whole.slice(0, length)), { what: 'unexpected end', byte: length });
  }
});

for (const [json, byte] of [
  ['nul1', 3],
  ['{a:1}', 1],
  ["{'a':1}", 1],
  ['{"a" 1}', 5],
  ['{"a":1,}', 7],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['[1}', 2],
  ['{"é":x}', 6],
  ['01', 1],
  ['1.a', 2],
  ['.5', 0],
  ['+1', 0],
  ['1e', 2],
  ['"\\x"', 2],
  ['"\\u00g0"', 5],
  ['{} {}', 3],
  [']', 0],
  ['\ufeff{}', 0],
] as const) {
  test(`the fault of ${json} is at byte ${byte}`, () => {
    const fault = faultOf(json);
    assert.equal(fault?.byte, byte);
    assert.equal(fault.what, byte < Buffer.byteLength(json) ? 'unexpected character' : 'unexpected end');
  });
}

test('control characters and bytes that are not UTF-8 are named', () => {
  assert.deepEqual(faultOf('["a\tb"]'), { what: 'control character in a text', byte: 3 });
  assert.deepEqual(faultOf(Buffer.from([0x22, 0xc3, 0xa9, 0xe9, 0x22])), { what: 'invalid UTF-8', byte: 3 });
  assert.deepEqual(faultOf(Buffer.from('"\ufffd\xff')), { what: 'unexpected end', byte: 6 });
});

test('as deep as text may be nested, the search ends', () => {
  assert.deepEqual(faultOf('['.repeat(1_000_000)), { what: 'unexpected end', byte: 1_000_000 });
});

/** Of two that judge, one would refuse what the other finds no fault with. */
test('there is a fault exactly where JSON.parse fails', () => {
  const pieces = fc.constantFrom(
    ...'{}[],:"\\ \n\t0123456789.eE+-truefalsnu/bé\x01'.split(''),
    'null',
    '"a":',
    '\\u0',
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: pieces, maxLength: 12 }), fc.json()), (text) => {
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      assert.equal(faultOf(text) === undefined, parses, text);
    }),
    { numRuns: 20_000 },
  );
});
