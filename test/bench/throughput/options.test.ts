import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBenchOptions, UsageError } from '../../../bench/throughput/options';

test('a command line changes what it names and nothing else', () => {
  const defaults = {
    rounds: 5,
    seconds: 2,
    levels: [1, 32, 256],
    contenders: ['floor', 'server', 'stock', 'empty'],
  };
  for (const [line, changed] of [
    ['', {}],
    ['--seconds=999999', { seconds: 999_999 }],
    ['--in-flight 256,1', { levels: [256, 1] }],
    ['--only stock,floor --rounds 1', { contenders: ['stock', 'floor'], rounds: 1 }],
  ] as const) {
    assert.deepEqual(parseBenchOptions(line.split(' ').filter(Boolean)), { ...defaults, ...changed }, line);
  }
});

test('who asks for help gets it, whatever else is wrong', () => {
  assert.equal(parseBenchOptions(['--rounds', 'many', '--help']), undefined);
});

test('a command line that cannot be followed is refused in one sentence', () => {
  for (const [line, message] of [
    ['--rounds 0', "--rounds needs a whole number from 1 to 999999, not '0'."],
    ['--rounds=-1', "--rounds needs a whole number from 1 to 999999, not '-1'."],
    ['--seconds 1.5', "--seconds needs a whole number from 1 to 999999, not '1.5'."],
    ['--in-flight 1,', "--in-flight needs a whole number from 1 to 999999, not ''."],
    ['--only server,kong', "--only takes floor, server, stock, empty, not 'kong'."],
    ['--rounds', "Option '--rounds <value>' argument missing."],
    ['--round 1', "Unknown option '--round'."],
    ['server', "Unexpected argument 'server'."],
  ] as const) {
    const refused = (error: unknown) => error instanceof UsageError && error.message === message;
    assert.throws(() => parseBenchOptions(line.split(' ')), refused, line);
  }
});
