/** The questions of `make growth`. Each is a row and a file. */
import type { Answer } from './answer';
import { bodySize } from './body-size';
import { configurations } from './configurations';
import { foreignReplies } from './foreign-replies';
import { gateways } from './gateways';
import { inFlight } from './in-flight';
import type { Stage } from './stage';
import { start } from './start';
import { waiting } from './waiting';

export interface Question {
  readonly says: string;
  ask(stage: Stage): Promise<Answer>;
}

const ROWS = {
  'in-flight': { says: '10 to 20,000 requests in flight', ask: inFlight },
  'body-size': { says: '100 bytes to 1 MiB, both ways', ask: bodySize },
  configurations: { says: '1 to 1,000 configurations on one reply topic', ask: configurations },
  'foreign-replies': { says: "0 to 50,000 replies per second that are other gateways'", ask: foreignReplies },
  gateways: { says: '1 to 8 gateways for one service', ask: gateways },
  waiting: { says: '10,000 requests that wait: memory, deadlines, all ends at once', ask: waiting },
  start: { says: 'from the start to the first 200, and idle memory', ask: start },
} satisfies Record<string, Question>;

export type QuestionName = keyof typeof ROWS;

export const QUESTIONS: Readonly<Record<QuestionName, Question>> = ROWS;
export const QUESTION_NAMES = Object.keys(ROWS) as QuestionName[];
