import { Command, Option } from 'commander';
import { withAction } from '../action';
import { repeated, withConnectionFlags, type ConnectionFlags } from '../connection';
import { durationMs } from '../duration';
import type { Surroundings } from '../surroundings';

export type TailFlags = ConnectionFlags & {
  readonly config?: string;
  readonly route?: string;
  readonly topic?: string[];
  readonly replyTopic?: string;
  readonly match?: 'header' | 'key' | 'body_field';
  readonly matchName?: string;
  readonly since?: number;
  readonly follow?: true;
  readonly id?: string;
  readonly headers?: true;
  readonly bodies?: true;
  readonly mask?: string[];
  readonly connectTimeout: number;
};

const EXAMPLES = `
Examples:
  kong-kafka tail --config kong.yml --route orders --follow
  kong-kafka tail --bootstrap kafka:9092 --topic orders.requests --reply-topic orders.replies --since 10m --id 3c1cd14b --headers --bodies

The time between request and reply is that of their timestamps, which two machines have set. Credentials in headers are
masked; bodies may hold others, and are only shown with --bodies. It reads without a group and commits nothing.
`;

export function tailCommand(surroundings: Surroundings): Command {
  const command = new Command('tail')
    .description('Shows requests and replies of a route side by side, as they belong together.')
    .option('--config <file>', 'kong.yml whose route says the topics')
    .option('--route <name>', 'route of --config; not needed where there is but one')
    .option('--topic <name>', 'topic of requests, instead of --config; repeatable', repeated)
    .option('--reply-topic <name>', 'topic of replies')
    .addOption(
      new Option('--match <where>', 'where replies carry the id; default: header').choices([
        'header',
        'key',
        'body_field',
      ]),
    )
    .option('--match-name <name>', 'name of the header or field of --match')
    .option(
      '--since <duration>',
      'how far to go back; default: 10m, and with --follow not at all',
      durationMs,
    )
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('--id <id>', 'only what has this correlation id, or one that begins so')
    .option('--headers', 'show record headers; credentials are masked')
    .option('--bodies', 'show values')
    .addOption(
      new Option('--connect-timeout <duration>', 'how long Kafka and the topics are waited for')
        .argParser(durationMs)
        .default(15_000, '15s'),
    )
    .option('--mask <name>', 'a further header or query argument to mask; repeatable', repeated);
  return withAction<TailFlags>(
    withConnectionFlags(command).addHelpText('after', EXAMPLES),
    surroundings,
    async (output, flags) => (await import('./run.js')).runTail(output, flags, surroundings),
  );
}
