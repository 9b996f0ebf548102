import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from './outcome';
import { caseTable, summary } from './report';

const SEEN: Outcome = {
  name: 'spring',
  title: 'Spring',
  version: '3',
  plugins: 'pair',
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

test('the summary has a line for each framework and form, with counts or the reason why there are none', () => {
  const skipped: Outcome = {
    name: 'rails',
    title: 'Rails',
    version: '1',
    plugins: 'one-event',
    options: 'defaults',
    cases: [],
    skipped: 'no ruby',
  };
  assert.deepEqual(summary([SEEN, skipped]).split('\n').slice(2), [
    '| Spring | 3 | pair | defaults | 9 of 10 answered, 0 crossed, 1 lost | 0 of 1 | FAILED |',
    '| Rails | 1 | one-event | defaults | – | – | skipped: no ruby |',
  ]);
});

test('a wrong answer stands beside the expected one, and no text breaks the table', () => {
  assert.equal(
    caseTable([SEEN]).split('\n')[2],
    '| Spring | it throws | 500 internal (WRONG: 504 reply_timeout) | pair | nothing \\| is sent |',
  );
});

test('what both forms of the plugins answer alike is one line, and what they do not is two', () => {
  const lines = (answer: string) => {
    const cases = SEEN.cases.map((each) => ({ ...each, answer, right: true }));
    return caseTable([
      { ...SEEN, cases: SEEN.cases.map((each) => ({ ...each, answer: '504 reply_timeout', right: true })) },
      { ...SEEN, plugins: 'one-event', cases },
    ])
      .split('\n')
      .slice(2)
      .map((line) => line.split(' | ').slice(2, 4).join(': '));
  };
  assert.deepEqual(lines('504 reply_timeout'), ['504 reply_timeout: pair, one-event']);
  assert.deepEqual(lines('500 internal'), ['504 reply_timeout: pair', '500 internal: one-event']);
});
