/** What a question comes to. */
import type { Verdict } from '../load/verdict';
import type { Chart } from './chart';

export interface Answer {
  /** Under what the table stands. */
  readonly says: string;
  readonly table: string;
  /** Absent where nothing grows. */
  readonly chart?: Chart;
  readonly verdicts: readonly Verdict[];
}
