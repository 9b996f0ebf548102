/** What stands above all figures: without it they mean nothing. */
import { median } from '../load/statistics';
import type { Measurement } from './measure';
import type { Plan } from './plan';
import { QUIET_CORES } from './run';

/** @param facts about the machine and the versions */
export function preamble(plan: Plan, facts: string, measurements: readonly Measurement[]): string[] {
  const { rounds, starts, seconds } = plan;
  const foreignCores = median(measurements.map((each) => each.foreignCores));
  const isQuiet = foreignCores <= QUIET_CORES;
  return [
    `${count(rounds, 'round')} of ${seconds} s for each load, ${count(starts, 'start')} of the contenders.`,
    `Broker, responder, driver and contender share the machine: ${facts}.`,
    `Other programs kept ${foreignCores.toFixed(1)} cores busy${isQuiet ? '' : ': repeat on a quiet machine'}.`,
  ];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
