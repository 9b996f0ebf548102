import assert from 'node:assert/strict';
import { it } from 'node:test';
import { prettyLine } from '../../../bridge/telemetry/pretty-line';

const LINE = {
  level: 'warn',
  time: '2026-11-28T10:15:04.120Z',
  event: 'kafka_client_down',
  message: 'kafka client down',
};

it('a line for people has time, level, message, facts and the name to look up', () => {
  const line = JSON.stringify({ ...LINE, client: 'producer', count: 3, reason: 'no broker' });
  assert.equal(
    prettyLine(line, false),
    '10:15:04.120 WARN  kafka client down  client=producer  count=3  reason="no broker"  (kafka_client_down)\n',
  );
});

it('it has colours for a terminal, and the same text', () => {
  const line = JSON.stringify({ ...LINE, client: 'producer' });
  const coloured = prettyLine(line, true);
  assert.match(coloured, /\x1b\[33mWARN \x1b\[0m/);
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ''), prettyLine(line, false));
});

it('the stack of an error is below it', () => {
  const line = JSON.stringify({ ...LINE, error: { message: 'why', stack: 'Error: why\n    at place' } });
  assert.match(prettyLine(line, false), /\(kafka_client_down\)\n {4}Error: why\n {8}at place\n$/);
});

it('what a peer has sent moves no cursor and makes no line', () => {
  const line = JSON.stringify({ ...LINE, topic: 'a\n\x1b[2Jb', error: { stack: 'Error: \x1b[2J' } });
  assert.doesNotMatch(prettyLine(line, false), /\x1b/);
  assert.equal(prettyLine(line, false).split('\n').length, 3);
});
