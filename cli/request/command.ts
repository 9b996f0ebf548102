import { Command, Option } from 'commander';
import { DIALECT_NAMES } from '../../bridge/reply/dialects';
import { MESSAGE_FORMATS } from '../../bridge/request/record-value';
import { withAction } from '../action';
import { repeated, withConnectionFlags, type ConnectionFlags } from '../connection';
import { durationMs } from '../duration';
import type { Surroundings } from '../surroundings';
import type { RequestFlags } from './flags';

export type RequestCommandFlags = RequestFlags &
  ConnectionFlags & {
    readonly config?: string;
    readonly connectTimeout: number;
    readonly mask?: string[];
    readonly verbose?: true;
    readonly include?: true;
  };

const EXAMPLES = `
Examples:
  kong-kafka request --config kong.yml --route orders -d '{"item":"book","quantity":2}' -v
  kong-kafka request --bootstrap kafka:9092 --topic orders.requests --reply-topic orders.replies -H 'X-Tenant: a' -d @order.json

The body of the answer is on stdout; record, reply and times are on stderr with -v. Ends with 0 after an answer below
400, with 3 after an error or no answer, with 1 when nothing could be sent.
`;

export function requestCommand(surroundings: Surroundings): Command {
  const command = new Command('request')
    .description(
      'Sends one request through Kafka as a route would, and prints the answer: curl without Kong.',
    )
    .option('--config <file>', 'kong.yml whose route says how requests become records')
    .option('--route <name>', 'route of --config; not needed where there is but one')
    .option('--topic <name>', 'topic of the record, instead of --config')
    .option('--reply-topic <name>', 'topic of the reply; without it nobody waits for one')
    .addOption(
      new Option('--dialect <name>', 'header family of the record; repeatable')
        .choices(DIALECT_NAMES)
        .argParser(repeated),
    )
    .addOption(new Option('--format <name>', 'what the value of the record is').choices(MESSAGE_FORMATS))
    .option('--key <text>', 'key of the record')
    .addOption(
      new Option('--match <where>', 'where the reply carries the id').choices([
        'header',
        'key',
        'body_field',
      ]),
    )
    .option('--match-name <name>', 'name of the header or field of --match')
    .option(
      '--timeout <duration>',
      'how long the reply is waited for; default: 5s, or what the route says',
      durationMs,
    )
    .addOption(
      new Option('--connect-timeout <duration>', 'how long Kafka is waited for')
        .argParser(durationMs)
        .default(10_000, '10s'),
    )
    .option(
      '-X, --method <method>',
      'HTTP method; default: POST with a body, else GET; or the first that the route takes',
    )
    .option('--path <path>', 'path and query of the request; default: the path of the route')
    .option('-H, --header <name: value>', 'header of the request; repeatable', repeated)
    .option('-d, --data <text>', 'body; @<file> reads it from there, @- from stdin')
    .option('-i, --include', 'print status and headers of the answer in front of its body')
    .option('-v, --verbose', 'print record, reply and times, on stderr; secrets in headers are masked')
    .option('--mask <name>', 'a further header or query argument to mask; repeatable', repeated);
  return withAction<RequestCommandFlags>(
    withConnectionFlags(command).addHelpText('after', EXAMPLES),
    surroundings,
    async (output, flags) => (await import('./run.js')).runRequest(output, flags, surroundings),
  );
}
