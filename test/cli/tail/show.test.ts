/** What `tail` prints of a record, all of which others have written. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { maskOf } from '../../../cli/masking';
import { Output } from '../../../cli/output';
import { print } from '../../../cli/tail/show';
import { receivedRecord } from '../../support/records';

function printed(isJson: boolean, timestamp: number): string {
  let text = '';
  const sink = { write: (part: string | Uint8Array) => void (text += String(part)) };
  const interrupted = new AbortController().signal;
  const output = new Output({ stdout: sink, stderr: sink, stdin: Readable.from([]), env: {}, interrupted }, isJson); // prettier-ignore
  const record = { ...receivedRecord({ value: '{}' }), timestamp };
  const options = {
    mask: maskOf(),
    headers: false,
    bodies: false,
    toResponse: () => assert.fail('a request has no answer'),
  };
  print(output, { record, kind: 'request', id: 'a' }, options);
  return text;
}

test('a time that no calendar has is none', () => {
  // Kafka 3 takes any number of milliseconds from a producer; toISOString threw, and ended tail.
  for (const timestamp of [-1, Number.MAX_SAFE_INTEGER]) {
    assert.match(printed(false, timestamp), /^ {14}a /);
    assert.equal((JSON.parse(printed(true, timestamp)) as { time: unknown }).time, null);
  }
  assert.match(printed(false, 1_700_000_000_000), /^22:13:20\.000 /);
});
