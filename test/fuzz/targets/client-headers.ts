/** Header values of a client: what of them is understood, and how they become text. */
import assert from 'node:assert/strict';
import { acceptsProblem } from '../../../bridge/accept';
import { listItems, nameAndValue } from '../../../bridge/http-list';
import { preferredWaitSeconds } from '../../../bridge/reply/preferred-wait';
import { textFromKong } from '../../../bridge/request/kong-text';
import { essenceOf, isJson, isText, parameterOf } from '../../../bridge/request/media-type';
import { cleanText } from '../../../bridge/request/record-headers';
import type { FuzzTarget } from '../target';

const CEILING_MS = 60_000;
const UNSAFE = /[\0-\x08\n-\x1f\x7f-\x9f\p{Surrogate}]/u;

export const CLIENT_HEADERS: FuzzTarget = {
  name: 'client-headers',
  samples: [
    'application/problem+json;q=0.9, application/json;q=0.5, */*;q=0.1',
    'wait=10, respond-async; wait="5"',
    'multipart/form-data; boundary="a\\"b"; charset=utf-8',
    'text/plain ; a = b ; c="d, e"',
    'caf\xe9 \xc3\xa9 \xed\xa0\x80',
  ].map((text) => Buffer.from(text, 'latin1')),
  tokens: [
    ',',
    ';',
    '=',
    '"',
    '\\',
    'q=',
    'q=1.000',
    'wait=',
    '99999999999',
    'problem+json',
    ' \t',
    '\xf0\x9f\x98\x80',
  ],
  run: (input) => {
    const value = input.toString('latin1');
    assert.equal(typeof acceptsProblem(value), 'boolean');
    for (const item of listItems(value, ',;')) {
      assert.notEqual(item.trim(), '');
      const [name, itemValue] = nameAndValue(item);
      assert.ok(name.length + itemValue.length <= item.length);
    }
    const seconds = preferredWaitSeconds(value, CEILING_MS);
    assert.ok(
      seconds === undefined || (Number.isInteger(seconds) && seconds >= 1 && seconds <= 60),
      `${seconds}`,
    );
    const essence = essenceOf(value);
    assert.ok(!/[A-Z;]/.test(essence), essence);
    if (isJson(essence)) assert.ok(essence.endsWith('json'), essence);
    isText(essence);
    parameterOf(value, 'boundary');
    const text = textFromKong(value);
    assert.ok(text === value || Buffer.from(text).equals(input), 'no byte is lost');
    const clean = cleanText(value);
    assert.ok(clean === undefined || !UNSAFE.test(clean), 'no control characters');
  },
};
