import { Command, Option } from 'commander';
import { withAction } from '../action';
import { repeated, withConnectionFlags, type ConnectionFlags } from '../connection';
import { durationMs, wholeNumber } from '../duration';
import type { Surroundings } from '../surroundings';
import { REPLY_DIALECTS, type ReplyDialect } from './reply-address';

export type RespondFlags = ConnectionFlags & {
  readonly config?: string;
  readonly route?: string;
  readonly topic?: string[];
  readonly replyTopic?: string[];
  readonly dialect: ReplyDialect;
  readonly body?: string;
  readonly bodyFile?: string;
  readonly exec?: string;
  readonly execTimeout: number;
  readonly concurrency: number;
  readonly status?: number;
  readonly error?: string;
  readonly header?: string[];
  readonly delay: number;
  readonly group?: string;
  readonly count?: number;
};

const EXAMPLES = `
Examples:
  kong-kafka respond --config kong.yml --route orders --delay 200ms
  kong-kafka respond --bootstrap kafka:9092 --topic orders.requests --reply-topic orders.replies --exec jq -- -c .item

Answers until Ctrl-C, or --count. The command of --exec gets the value of the record on stdin, and KAFKA_TOPIC,
KAFKA_PARTITION, KAFKA_OFFSET, KAFKA_KEY, KAFKA_CORRELATION_ID and KAFKA_HEADER_<NAME> in its environment; what it prints
is the answer, and an exit code other than 0 an error. No shell is between. Without --group it reads all partitions
from now on, as does every other responder like it.
`;

export function respondCommand(surroundings: Surroundings): Command {
  const command = new Command('respond')
    .description(
      'Answers requests as a service would, to try a route out: echo, delay, error, the output of a command.',
    )
    .argument('[arguments...]', 'of the command of --exec, after --')
    .option('--config <file>', 'kong.yml whose route says the topics')
    .option('--route <name>', 'route of --config; not needed where there is but one')
    .option('--topic <name>', 'topic of requests, instead of --config; repeatable', repeated)
    .option(
      '--reply-topic <name>',
      'answer there and nowhere else, {node} for the name of a gateway; repeatable; default: where records say',
      repeated,
    )
    .addOption(
      new Option('--dialect <name>', 'headers that are answered; body and key: without headers')
        .choices(REPLY_DIALECTS)
        .default('auto'),
    )
    .option('--body <text>', 'answer this, instead of what was asked')
    .option('--body-file <file>', 'answer what is in there')
    .option('--exec <file>', 'answer what this command prints')
    .addOption(
      new Option('--exec-timeout <duration>', 'then the command is killed')
        .argParser(durationMs)
        .default(10_000, '10s'),
    )
    .addOption(
      new Option('--concurrency <number>', 'commands that run at once').argParser(wholeNumber).default(4),
    )
    .option('--status <number>', 'HTTP status of every answer', wholeNumber)
    .option('--error <text>', 'mark every answer as an error')
    .option('-H, --header <name: value>', 'further header of every answer; repeatable', repeated)
    .addOption(new Option('--delay <duration>', 'answer later').argParser(durationMs).default(0, '0s'))
    .option('--group <id>', 'consumer group, for several responders that share the work')
    .option('--count <number>', 'end after so many answers', wholeNumber);
  return withAction<RespondFlags>(
    withConnectionFlags(command).addHelpText('after', EXAMPLES),
    surroundings,
    async (output, flags, args) => (await import('./run.js')).runRespond(output, flags, args, surroundings),
  );
}
