import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeeperThan, memberBytes } from '../../bridge/json-depth';

const DEPTHS: [json: string, depth: number][] = [
  ['5', 0],
  ['"[[[["', 0],
  ['{}', 1],
  ['{"a":[1,{"b":"}]"}]}', 3],
  ['[[],[],[[]]]', 3],
  ['{"\\\\":"\\"[[["}', 1],
];

for (const [json, depth] of DEPTHS) {
  test(`${json} is ${depth} deep`, () => {
    assert.equal(isDeeperThan(Buffer.from(json), depth), false);
    if (depth > 0) assert.equal(isDeeperThan(Buffer.from(json), depth - 1), true);
  });
}

test('what is not JSON is measured without an error', () => {
  for (const text of ['', '"', '"\\', ']]]]', '[[', '{"a', '\u0000'])
    assert.equal(isDeeperThan(Buffer.from(text), 2), false);
});

const MEMBERS: [json: string, bytes: string | undefined][] = [
  ['{"a":1,"body":{"x":[1,2]},"b":2}', '{"x":[1,2]}'],
  ['{"body":12345678901234567890}', '12345678901234567890'],
  ['{"b\\u006fdy" : true }', ' true '],
  ['{"body":1,"body":2}', '2'],
  ['{"x":{"body":1}}', undefined],
  ['{"x":"body","y":["body",":"]}', undefined],
  ['{"a":"\\"body\\":5,","body":[","]}', '[","]'],
  ['{}', undefined],
];

for (const [json, bytes] of MEMBERS) {
  test(`the bytes of body in ${json}`, () => {
    assert.equal(memberBytes(Buffer.from(json), 'body')?.toString(), bytes);
  });
}
