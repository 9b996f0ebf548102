import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInteropOptions, UsageError } from './options';

const NAMES = ['spring', 'nestjs', 'python'];
const parse = (line: string) => parseInteropOptions(line.split(' ').filter(Boolean), NAMES);

test('a command line changes what it names and nothing else', () => {
  const defaults = { only: NAMES, plugins: ['pair', 'one-event'], requests: 1000, write: false };
  for (const [line, changed] of [
    ['', {}],
    ['--requests 50', { requests: 50 }],
    ['--write', { write: true }],
    ['--plugins one-event', { plugins: ['one-event'] }],
    ['--plugins one-event,pair', {}],
    ['--only nestjs', { only: ['nestjs'] }],
    // In the order of the table, and each once.
    ['--only python,spring,python', { only: ['spring', 'python'] }],
  ] as const) {
    assert.deepEqual(parse(line), { ...defaults, ...changed }, line);
  }
});

test('who asks for help gets it, whatever else is wrong', () => {
  assert.equal(parse('--requests many --help'), undefined);
});

test('a command line that cannot be followed is refused in one sentence', () => {
  for (const [line, message] of [
    ['--requests 0', "--requests needs a whole number from 1 to 1000000, not '0'."],
    ['--requests 1.5', "--requests needs a whole number from 1 to 1000000, not '1.5'."],
    ['--only spring,rails', "--only takes spring, nestjs, python, not 'rails'."],
    ['--plugins three', "--plugins takes pair, one-event, not 'three'."],
    ['--all', "Unknown option '--all'."],
    ['spring', "Unexpected argument 'spring'."],
  ] as const) {
    assert.throws(
      () => parse(line),
      (error) => error instanceof UsageError && error.message.startsWith(message),
      line,
    );
  }
});
