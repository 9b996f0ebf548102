/** What was seen of one framework, with the plugins in one form. */
import type { PluginForm } from '../../dev/plugin-form';
import type { Case } from './framework';

export interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly plugins: PluginForm;
  /** What the route needs beside topics. */
  readonly options: string;
  /** Why it was not tried; nothing else below then. */
  readonly skipped?: string;
  readonly requests?: RequestCounts;
  readonly cases: readonly CaseOutcome[];
  /** What went wrong beside requests and cases: the service did not start, a wait was left open. */
  readonly problem?: string;
}

export interface RequestCounts {
  readonly sent: number;
  /** 200, with the request's own nonce. */
  readonly answered: number;
  /** 200, with another's. */
  readonly crossed: number;
  /** Everything else. */
  readonly lost: number;
  readonly tookMs: number;
}

export interface CaseOutcome {
  readonly tried: Case;
  /** As a client sees it: "504 reply_timeout". */
  readonly answer: string;
  readonly right: boolean;
}

export function failed(outcome: Outcome): boolean {
  const { skipped, requests, cases, problem } = outcome;
  if (skipped !== undefined) return false;
  const allAnswered = requests !== undefined && requests.answered === requests.sent;
  return problem !== undefined || !allAnswered || cases.some(({ right }) => !right);
}

/** A run in which everything was skipped has shown nothing, and must not pass for a good one. */
export function exitCode(outcomes: readonly Outcome[]): number {
  const tried = outcomes.filter(({ skipped }) => skipped === undefined);
  return tried.length === 0 || tried.some(failed) ? 1 : 0;
}
