/** The command line of `make growth`. */
import { commandLine, namesOf, toggle, wholeNumber } from '../load/command-line';
import { QUESTION_NAMES, QUESTIONS } from './questions';

export const GROWTH = commandLine({
  make: 'growth',
  program: 'growth/cli.js',
  about: `
Measures how rate and cost of a request grow with:
${QUESTION_NAMES.map((name) => `  ${name.padEnd(17)}${QUESTIONS[name].says}`).join('\n')}
Ends with status 1 when something grows faster than its cause, or a goal is missed. Takes about seven minutes; run it on
a quiet machine.`,
  flags: {
    only: namesOf(QUESTION_NAMES, {
      says: 'leave the others out',
      byDefault: QUESTION_NAMES,
      shownDefault: 'all of them',
    }),
    seconds: wholeNumber({ says: 'length of each measurement', byDefault: 3 }),
    svg: toggle('draw docs/growth/<question>.svg anew'),
  },
});
