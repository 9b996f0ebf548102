import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCode, type Outcome } from './outcome';

const UNTRIED: Outcome = {
  name: 'spring',
  title: 'Spring',
  version: '3',
  plugins: 'pair',
  options: 'defaults',
  cases: [],
};
const PASSED: Outcome = {
  ...UNTRIED,
  requests: { sent: 10, answered: 10, crossed: 0, lost: 0, tookMs: 1 },
};
const SKIPPED: Outcome = { ...UNTRIED, skipped: 'no ruby' };

test('a lost or crossed request, a wrong case or a problem fails the run', () => {
  const tried = { name: '', path: '', body: '', expected: { status: 200 }, because: '' };
  for (const wrong of [
    { requests: { sent: 10, answered: 9, crossed: 0, lost: 1, tookMs: 1 } },
    { requests: { sent: 10, answered: 9, crossed: 1, lost: 0, tookMs: 1 } },
    { cases: [{ tried, answer: '500', right: false }] },
    { problem: 'the service has ended' },
  ]) {
    assert.equal(exitCode([PASSED, { ...PASSED, ...wrong }]), 1, JSON.stringify(wrong));
  }
  assert.equal(exitCode([UNTRIED]), 1);
});

test('a skipped framework fails nothing, unless there was no other', () => {
  assert.equal(exitCode([PASSED, SKIPPED]), 0);
  assert.equal(exitCode([SKIPPED]), 1);
});
