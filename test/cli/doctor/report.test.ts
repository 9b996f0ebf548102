import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { finding } from '../../../cli/doctor/finding';
import { print } from '../../../cli/doctor/report';
import { Output } from '../../../cli/output';

function printed(isJson: boolean, what: string, reason?: string): string {
  let text = '';
  const sink = { write: (part: string | Uint8Array) => void (text += String(part)) };
  const interrupted = new AbortController().signal;
  const output = new Output(
    { stdout: sink, stderr: sink, stdin: Readable.from([]), env: {}, interrupted },
    isJson,
  );
  const findings = [finding('topic_missing', { where: 'topic a', what, fix: 'one\ntwo' })];
  print(output, {
    findings,
    made: [{ name: 'b', partitions: 6, copies: 1, reason }],
    looked: '1 plugin:',
  });
  return text;
}

test('for people: what, why, fix, and the sum', () => {
  assert.equal(
    printed(false, 'It is not there.'),
    `Made topic b with 6 partitions.

error  topic_missing  topic a
  It is not there.
  Requests are refused, or wait for replies that cannot come. Where brokers make topics by themselves, it gets their defaults.
  fix: one
       two

1 plugin: 1 error, 0 warnings, 0 notes.
`,
  );
});

test('what somebody else wrote does not steer the terminal', () => {
  const text = printed(false, 'It says \u001b[2J and \u202eback.', 'broker: \u009b2J');
  assert.doesNotMatch(text, /[\u001b\u009b\u202e]/);
  assert.ok(text.includes('\\u{1b}[2J and \\u{202e}back'));
  assert.ok(text.includes('Not made: broker: \\u{9b}2J'));
});

test('for programs: one document', () => {
  const document = JSON.parse(printed(true, 'Gone')) as Record<string, unknown>;
  assert.deepEqual([document.ok, document.counts, document.made], [false, { error: 1, warning: 0, note: 0 }, [{ name: 'b', partitions: 6, copies: 1 }]]); // prettier-ignore
  assert.equal((document.findings as { what: string }[])[0]?.what, 'Gone.');
});
