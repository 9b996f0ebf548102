import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from './outcome';
import { caseTable, summary } from './report';

const SEEN: Outcome = {
  name: 'spring',
  title: 'Spring',
  version: '3',
  options: 'defaults',
  requests: { sent: 10, answered: 9, crossed: 0, lost: 1, tookMs: 1 },
  cases: [
    {
      tried: {
        name: 'it throws',
        path: '/',
        body: '',
        expected: { status: 504, code: 'reply_timeout' },
        because: 'nothing | is sent',
      },
      answer: '500 internal',
      right: false,
    },
  ],
};

test('the summary has a line for each framework, with counts or the reason why there are none', () => {
  const skipped: Outcome = {
    name: 'rails',
    title: 'Rails',
    version: '1',
    options: 'defaults',
    cases: [],
    skipped: 'no ruby',
  };
  assert.deepEqual(summary([SEEN, skipped]).split('\n').slice(2), [
    '| Spring | 3 | defaults | 9 of 10 answered, 0 crossed, 1 lost | 0 of 1 | FAILED |',
    '| Rails | 1 | defaults | – | – | skipped: no ruby |',
  ]);
});

test('a wrong answer stands beside the expected one, and no text breaks the table', () => {
  assert.equal(
    caseTable([SEEN]).split('\n')[2],
    '| Spring | it throws | 500 internal (WRONG: 504 reply_timeout) | nothing \\| is sent |',
  );
});
