/** The command line of the fuzzer. */
import { parseArgs } from 'node:util';

export const usage = (
  names: readonly string[],
): string => `Usage: node dist/test/fuzz/run.js [options]      (make fuzz ARGS="...")

Changes valid inputs of every decoder at random and looks for errors that are not the decoder's own, endless loops,
broken invariants and growing memory. Ends with status 1 when it has found one.

  --only <name>[,<name>]   of ${names.join(', ')} (default: all of them)
  --seconds <number>       for each (default 60)
  --seed <number>          where to start (default: another one each time; it is printed)
  --workers <number>       of the plugin server that is fuzzed as a process (default 1)
  --case <number>          that case of the seed only, to see a finding again
  --help                   show this text
`;

export interface FuzzOptions {
  readonly only: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly workers: number;
  readonly case: number | undefined;
}

/** A command line that cannot be followed; the message is one sentence. */
export class UsageError extends Error {}

const MOST = 2 ** 31;

/**
 * @param names what --only takes
 * @throws UsageError; undefined asks for the usage
 */
export function parseFuzzOptions(args: readonly string[], names: readonly string[]): FuzzOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const asked = values.only?.split(',') ?? names;
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names.join(', ')}, not '${unknown}'.`);
  return {
    only: names.filter((name) => asked.includes(name)),
    seconds: whole('--seconds', values.seconds, 1),
    seed: whole('--seed', values.seed ?? String(Date.now() % MOST), 0),
    workers: whole('--workers', values.workers, 1),
    case: values.case === undefined ? undefined : whole('--case', values.case, 0),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string' },
        workers: { type: 'string', default: '1' },
        case: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    throw new UsageError(`${(sentence as string).replace(/\.$/, '')}.`);
  }
}

function whole(flag: string, text: string, min: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= MOST) return value;
  throw new UsageError(`${flag} needs a whole number from ${min} to ${MOST}, not '${text}'.`);
}
