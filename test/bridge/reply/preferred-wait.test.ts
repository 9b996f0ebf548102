import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferredWaitSeconds, withPreference } from '../../../bridge/reply/preferred-wait';

const CEILING_MS = 30_500;

const WISHES: [prefer: string | undefined, seconds: number | undefined][] = [
  [undefined, undefined],
  ['', undefined],
  ['respond-async', undefined],
  ['wait=10', 10],
  ['Wait = 10', 10],
  ['wait="10"', 10],
  ['wait=010', 10],
  ['respond-async, wait=10', 10],
  ['wait=10, handling=lenient', 10],
  // Strictly parameters of the first preference; many clients write it so.
  ['respond-async; wait=10', 10],
  ['foo="a, wait=1"; bar, wait=10', 10],
  // RFC 7240: only the first of several counts.
  ['wait=10, wait=20', 10],
  ['wait=soon, wait=20', undefined],
  ['wait=30', 30],
  ['wait=31', 30],
  ['wait=99999999999999999999999999', 30],
  ['wait=0', undefined],
  ['wait', undefined],
  ['wait=', undefined],
  ['wait=-1', undefined],
  ['wait=1.5', undefined],
  ['wait=1e3', undefined],
  ['wait=0x10', undefined],
  ['wait=10s', undefined],
  ['waiting=10', undefined],
];

for (const [prefer, seconds] of WISHES) {
  test(`Prefer: ${prefer} is a wait of ${seconds} s`, () => {
    assert.equal(preferredWaitSeconds(prefer, CEILING_MS), seconds);
  });
}

test('without a ceiling the client has no say', () => {
  assert.equal(preferredWaitSeconds('wait=10', 0), undefined);
});

test('what was granted is told, next to the Vary of the reply', () => {
  assert.deepEqual(withPreference({ 'x-a': '1' }, undefined), { 'x-a': '1' });
  assert.deepEqual(withPreference({ 'x-a': '1' }, 5), {
    'x-a': '1',
    'preference-applied': 'wait=5',
    vary: 'Prefer',
  });
  assert.deepEqual(withPreference({ vary: 'Origin' }, 5).vary, ['Origin', 'Prefer']);
  assert.deepEqual(withPreference({ vary: ['Origin', 'Cookie'] }, 5).vary, ['Origin', 'Cookie', 'Prefer']);
});
