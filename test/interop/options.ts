/** The command line of the interoperability runs. */
import { parseArgs } from 'node:util';
import { PLUGIN_FORMS, type PluginForm } from '../../dev/plugin-form';

export const usage = (
  names: readonly string[],
) => `Usage: node dist/test/interop/run.js [options]      (make interop)

Unmodified services of real frameworks answer the gateway: many requests each, then what goes wrong in a service.
Ends with status 1 when an answer was wrong, crossed or lost, and when every framework was skipped.

  --only <name>[,<name>]   of ${names.join(', ')} (default: all of them)
  --plugins <form>[,<form>]  pair: custom_kafka_producer and custom_kafka_consumer; one-event: custom_kafka_request_reply
                           (default: both, one after the other)
  --requests <number>      requests to each (default 1000)
  --write                  write what was seen to docs/interop.md
  --help                   show this text
`;

export interface InteropOptions {
  readonly only: readonly string[];
  readonly plugins: readonly PluginForm[];
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
  const only = someOf(names, '--only', values.only);
  const plugins = someOf(PLUGIN_FORMS, '--plugins', values.plugins);
  const requests = Number(values.requests);
  if (!/^\d+$/.test(values.requests) || requests < 1 || requests > MOST_REQUESTS) {
    throw new UsageError(
      `--requests needs a whole number from 1 to ${MOST_REQUESTS}, not '${values.requests}'.`,
    );
  }
  return { only, plugins, requests, write: values.write };
}

/** In the order of `all`, and each once; without a text all of them. */
function someOf<Name extends string>(
  all: readonly Name[],
  flag: string,
  text: string | undefined,
): readonly Name[] {
  const asked: readonly string[] = text?.split(',') ?? all;
  const unknown = asked.find((name) => !all.some((one) => one === name));
  if (unknown !== undefined) throw new UsageError(`${flag} takes ${all.join(', ')}, not '${unknown}'.`);
  return all.filter((name) => asked.includes(name));
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        plugins: { type: 'string' },
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
