/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { CONTENDER_NAMES, DESCRIPTIONS, type ContenderName } from './contenders';

export const USAGE = `Usage: node dist/bench/throughput/cli.js [options]      (make bench)

Measures side by side, in turns, on one Kafka and one responder:
${CONTENDER_NAMES.map((name) => `  ${name.padEnd(8)}${DESCRIPTIONS[name]}`).join('\n')}
Ends with status 1 when a request was lost or crossed, or a budget does not hold.

  --rounds <number>        rounds of all of them (default 5)
  --seconds <number>       length of each measurement (default 2)
  --in-flight <n>[,<n>]    requests in flight (default 1,32,256)
  --only <name>[,<name>]   leave the others out; budgets about them are left out as well
  --help                   show this text
`;

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly levels: readonly number[];
  readonly contenders: readonly ContenderName[];
}

/** A command line that cannot be followed; the message is one sentence. */
export class UsageError extends Error {}

/** @throws UsageError; undefined asks for the usage */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  return {
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    levels: values['in-flight'].split(',').map((text) => positive('--in-flight', text)),
    contenders:
      values.only === undefined ? CONTENDER_NAMES : [...new Set(values.only.split(',').map(contender))],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '2' },
        'in-flight': { type: 'string', default: '1,32,256' },
        only: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usageError(error);
  }
}

/** What node's parser says, without its advice about positionals. */
export function usageError(error: unknown): UsageError {
  const [sentence = ''] = (error as Error).message.split(/\.\s/);
  return new UsageError(`${sentence.replace(/\.$/, '')}.`);
}

/** A whole number from 1 to 999999. @throws UsageError */
export function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new UsageError(`${flag} needs a whole number from 1 to 999999, not '${text}'.`);
  return Number(text);
}

function contender(text: string): ContenderName {
  const found = CONTENDER_NAMES.find((name) => name === text);
  if (found === undefined) throw new UsageError(`--only takes ${CONTENDER_NAMES.join(', ')}, not '${text}'.`);
  return found;
}
