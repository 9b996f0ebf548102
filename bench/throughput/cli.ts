/** The benchmark: `node dist/bench/throughput/cli.js --help`. */
import { machineFacts } from '../load/machine';
import { runCommand } from '../load/run-command';
import { verdictLine, type Verdict } from '../load/verdict';
import { budgets, correctness, withinReach } from './budgets';
import { comparison } from './comparison';
import { CONTENDERS } from './contenders';
import type { Measurement } from './measure';
import { AGAINST, BENCH, benchPlan } from './options';
import { plannedSeconds, type Plan } from './plan';
import { preamble } from './preamble';
import { costTable, rateTable } from './report';
import { runPlan } from './run';
import { socketRoundTripMs } from './socket-round-trip';

/** Of a socket: the calls of an event in one, its end in the other. */
const ROUND_TRIPS_PER_EVENT = 2;

runCommand(BENCH, async (options, cleanUps) => {
  const plan = benchPlan(options);
  const facts = await machineFacts();
  const roundTripMs = await socketRoundTripMs();
  say(`takes about ${plannedSeconds(plan).toFixed(0)} s`);
  const measurements = await runPlan(plan, cleanUps, say);
  const isComparison = options.against !== undefined;
  const verdicts = [correctness(measurements), ...(isComparison ? [] : budgets(measurements))];
  const lines = [
    ...preamble(plan, facts, measurements),
    ...(isComparison ? [] : protocolFacts(roundTripMs)),
    '',
    ...legend(plan),
    '',
    ...tables(measurements),
    ...(isComparison ? comparisonOf(plan, measurements) : []),
    ...judgement(verdicts, isComparison ? [] : withinReach(measurements)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});

function protocolFacts(roundTripMs: number): string[] {
  const leastMs = (events: number) => (events * ROUND_TRIPS_PER_EVENT * roundTripMs).toFixed(3);
  return [
    `A round trip between two bare processes over a Unix socket takes ${roundTripMs.toFixed(3)} ms here (p50); Kong's`,
    `protocol needs two per event: before anybody has done anything one event takes ${leastMs(1)} ms, two ${leastMs(2)} ms.`,
  ];
}

function legend({ entries }: Plan): string[] {
  return entries.map(({ label, contender, dist }) => {
    const { says } = CONTENDERS[contender];
    return label === AGAINST ? `- ${label}: ${contender} of ${dist}` : `- ${label}: ${says}`;
  });
}

function tables(measurements: readonly Measurement[]): string[] {
  return [
    'What clients see; "% of rate": an open loop at that share of the best closed-loop rate of the round. Medians.',
    '',
    rateTable(measurements),
    '',
    'What one request costs: calls of the PDK, exits counted; bytes on the sockets of Kong; CPU; RSS of the server.',
    '',
    costTable(measurements),
    '',
  ];
}

function comparisonOf({ entries }: Plan, measurements: readonly Measurement[]): string[] {
  const ours = entries.map(({ label }) => label).filter((label) => label !== AGAINST);
  return [
    `Divided by ${AGAINST}, round by round: median [least–most]; * where all rounds are on one side of 1.`,
    '',
    comparison(measurements, ours, AGAINST),
    '',
  ];
}

function judgement(verdicts: readonly Verdict[], remarks: readonly string[]): string[] {
  return [...verdicts.map(verdictLine), ...remarks.map((line) => `      ${line}`)];
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
