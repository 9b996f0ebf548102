/** The command line of the interoperability runs. */
import { parseArgs } from 'node:util';

export const usage = (
  names: readonly string[],
) => `Usage: node dist/test/interop/run.js [options]      (make interop)

Unmodified services of real frameworks answer the gateway: many requests each, then what goes wrong in a service.
Ends with status 1 when an answer was wrong, crossed or lost, and when every framework was skipped.

  --only <name>[,<name>]   of ${names.join(', ')} (default: all of them)
  --requests <number>      requests to each (default 1000)
  --write                  write what was seen to docs/interop.md
  --help                   show this text
`;

export interface InteropOptions {
  readonly only: readonly string[];
  readonly requests: number;
  readonly write: boolean;
}

/** A command line that cannot be followed; the message is one sentence. */
export class UsageError extends Error {}

const MOST_REQUESTS = 1_000_000;

/**
 * @param names what --only takes
 * @throws UsageError; undefined asks for the usage
 */
export function parseInteropOptions(
  args: readonly string[],
  names: readonly string[],
): InteropOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const asked = values.only?.split(',') ?? names;
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names.join(', ')}, not '${unknown}'.`);
  const requests = Number(values.requests);
  if (!/^\d+$/.test(values.requests) || requests < 1 || requests > MOST_REQUESTS) {
    throw new UsageError(
      `--requests needs a whole number from 1 to ${MOST_REQUESTS}, not '${values.requests}'.`,
    );
  }
  return { only: names.filter((name) => asked.includes(name)), requests, write: values.write };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        requests: { type: 'string', default: '1000' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    // What follows the first sentence is advice about positional arguments that does not fit here.
    const [sentence = ''] = (error as Error).message.split(/\.\s|\.$/);
    throw new UsageError(`${sentence}.`, { cause: error });
  }
}
