/** The command line of the benchmark. */
import { commandLine, namesOf, wholeNumber, wholeNumbers } from '../load/command-line';
import { CONTENDER_NAMES, DESCRIPTIONS } from './contenders';

export const BENCH = commandLine({
  make: 'bench',
  program: 'throughput/cli.js',
  about: `
Measures side by side, in turns, on one Kafka and one responder:
${CONTENDER_NAMES.map((name) => `  ${name.padEnd(8)}${DESCRIPTIONS[name]}`).join('\n')}
Ends with status 1 when a request was lost or crossed, or a budget does not hold.`,
  flags: {
    rounds: wholeNumber({ says: 'rounds of all of them', byDefault: 5 }),
    seconds: wholeNumber({ says: 'length of each measurement', byDefault: 2 }),
    'in-flight': wholeNumbers({ says: 'requests in flight', byDefault: [1, 32, 256] }),
    only: namesOf(CONTENDER_NAMES, {
      says: 'leave the others out, and budgets about them',
      byDefault: CONTENDER_NAMES,
      shownDefault: 'all of them',
    }),
  },
});
