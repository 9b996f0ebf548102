/** What a run measures, in which order, and how long that takes. */
import { CONTENDERS, type ContenderName, type NodeCommand } from './contenders';
import type { Step } from './measure';

/** A contender in a run. */
export interface Entry {
  readonly label: string;
  readonly contender: ContenderName;
  /** Folder of compiled files. */
  readonly dist: string;
  /** Default: the node that runs this, without flags. */
  readonly node?: NodeCommand | undefined;
}

export interface Plan {
  readonly entries: readonly Entry[];
  /** Of the closed loops. */
  readonly inFlight: readonly number[];
  /** Of the open loops, as shares of the closed-loop rate. */
  readonly shares: readonly number[];
  /** Whose rate the open loops of all entries are a share of; undefined: each one's own. */
  readonly pacedBy?: string;
  readonly rounds: number;
  /** How often the contenders are started: processes of the same code are not equally fast. */
  readonly starts: number;
  readonly seconds: number;
}

export interface Turn extends Step {
  readonly entry: Entry;
}

/** The turns of a round, closed loops first. Every other round goes backwards, so that nobody is always the first. */
export function turnsOf(plan: Plan, round: number): Turn[] {
  const entries = round % 2 === 1 ? plan.entries : [...plan.entries].reverse();
  const paced = entries.filter(({ contender }) => !CONTENDERS[contender].withoutKafka);
  return [
    ...plan.inFlight.flatMap((inFlight) => entries.map((entry) => ({ entry, inFlight }))),
    ...plan.shares.flatMap((share) => paced.map((entry) => ({ entry, share }))),
  ];
}

/** Whether the contenders are started before this round; rounds are spread evenly over the starts. */
export function startsBefore(plan: Plan, round: number): boolean {
  const startOf = (of: number) => Math.floor(((of - 1) * plan.starts) / plan.rounds);
  return round === 1 || startOf(round) !== startOf(round - 1);
}

/** Java needs some 50 000 records before its broker is as fast as it gets, and our processes need some, too. */
const WARM_UP = { inFlight: 256, durationMs: 4000 };
/** The broker is warm already. */
const WARM_UP_AGAIN = { inFlight: 256, durationMs: 2500 };
const SHORT_WARM_UP = { inFlight: 32, durationMs: 1500 };

/** The stock server leaks with every request: the broker gets warm with the others. */
export function warmUpsOf(
  { contender }: Entry,
  isFirstStart: boolean,
): { inFlight: number; durationMs: number }[] {
  if (contender === 'stock') return [SHORT_WARM_UP];
  return isFirstStart ? [SHORT_WARM_UP, WARM_UP] : [WARM_UP_AGAIN];
}

/** Kafka, responder and drivers; then the contenders, each time. */
const SECONDS_TO_START = 8;
const SECONDS_TO_START_CONTENDER = 1;
/** Of every measurement: the last answers. */
const SECONDS_TO_END = 0.15;

export function plannedSeconds(plan: Plan): number {
  let seconds = SECONDS_TO_START;
  for (let round = 1; round <= plan.rounds; round++) {
    if (startsBefore(plan, round)) {
      for (const entry of plan.entries) {
        seconds += SECONDS_TO_START_CONTENDER;
        for (const { durationMs } of warmUpsOf(entry, round === 1)) seconds += durationMs / 1000;
      }
    }
    seconds += turnsOf(plan, round).length * (plan.seconds + SECONDS_TO_END);
  }
  return seconds;
}
