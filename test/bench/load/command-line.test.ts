import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  commandLine,
  nameOf,
  namesOf,
  path,
  toggle,
  UsageError,
  wholeNumber,
  wholeNumbers,
} from '../../../bench/load/command-line';

const COMMAND = commandLine({
  make: 'race',
  program: 'race/cli.js',
  about: '\nRuns a race.\n',
  flags: {
    rounds: wholeNumber({ says: 'of the race', byDefault: 5 }),
    length: wholeNumber({ says: 'in metres', byDefault: 400, least: 100, most: 10_000 }),
    'in-flight': wholeNumbers({ says: 'runners', byDefault: [1, 32] }),
    only: namesOf(['hare', 'hedgehog', 'snail'], {
      says: 'who runs',
      byDefault: ['hare', 'hedgehog'],
      shownDefault: 'who can',
    }),
    first: nameOf(['hare', 'hedgehog'], { says: 'who starts', byDefault: 'hare' }),
    history: path('<file>', 'of an earlier race'),
    record: toggle('keep the result'),
  },
});

test('a command line changes what it names and nothing else', () => {
  const defaults = {
    rounds: 5,
    length: 400,
    'in-flight': [1, 32],
    only: ['hare', 'hedgehog'],
    first: 'hare',
    history: undefined,
    record: false,
  };
  for (const [line, changed] of [
    ['', {}],
    ['--rounds=999999 --length 100', { rounds: 999_999, length: 100 }],
    ['--in-flight 256,1', { 'in-flight': [256, 1] }],
    ['--only snail,hare,snail --first hedgehog', { only: ['snail', 'hare'], first: 'hedgehog' }],
    ['--history a.ndjson --record', { history: 'a.ndjson', record: true }],
  ] as const) {
    assert.deepEqual(COMMAND.parse(line.split(' ').filter(Boolean)), { ...defaults, ...changed }, line);
  }
});

test('who asks for help gets it, whatever else is wrong', () => {
  assert.equal(COMMAND.parse(['--rounds', 'many', '--help']), undefined);
});

test('the usage names every flag, with what it takes and what it is without it', () => {
  assert.equal(
    COMMAND.usage,
    `Usage: node dist/bench/race/cli.js [options]      (make race ARGS="...")

Runs a race.

  --rounds <number>          of the race (default 5)
  --length <number>          in metres (default 400)
  --in-flight <n>[,<n>]      runners (default 1,32)
  --only <name>[,<name>]     who runs (default who can)
  --first <name>             who starts (default hare)
  --history <file>           of an earlier race
  --record                   keep the result
  --help                     show this text
`,
  );
});

test('a command line that cannot be followed is refused in one sentence', () => {
  for (const [line, message] of [
    ['--rounds 0', "--rounds needs a whole number from 1 to 999999, not '0'."],
    ['--rounds=-1', "--rounds needs a whole number from 1 to 999999, not '-1'."],
    ['--rounds 1000000', "--rounds needs a whole number from 1 to 999999, not '1000000'."],
    ['--rounds 1.5', "--rounds needs a whole number from 1 to 999999, not '1.5'."],
    ['--length 99', "--length needs a whole number from 100 to 10000, not '99'."],
    ['--in-flight 1,', "--in-flight needs a whole number from 1 to 999999, not ''."],
    ['--only hare,fox', "--only takes hare, hedgehog, snail, not 'fox'."],
    ['--first snail', "--first takes hare, hedgehog, not 'snail'."],
    ['--history=', '--history needs a path.'],
    ['--rounds', "Option '--rounds <value>' argument missing."],
    ['--record=yes', "Option '--record' does not take an argument."],
    ['--round 1', "Unknown option '--round'."],
    ['hare', "Unexpected argument 'hare'."],
  ] as const) {
    const refused = (error: unknown) => error instanceof UsageError && error.message === message;
    assert.throws(() => COMMAND.parse(line.split(' ')), refused, line);
  }
});
