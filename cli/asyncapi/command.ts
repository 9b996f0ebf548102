import { Command, Option } from 'commander';
import { withAction } from '../action';
import { EXIT, usageError } from '../exit-codes';
import type { Output } from '../output';
import type { Surroundings } from '../surroundings';

interface Flags {
  readonly config?: string;
  readonly route?: string;
  readonly registry?: string;
  readonly title: string;
  readonly documentVersion: string;
  readonly as: 'gateway' | 'service';
}

const EXAMPLES = `
Examples:
  kong-kafka asyncapi --config kong.yml > asyncapi.yml
  kong-kafka asyncapi --config kong.yml --route orders --as service --registry http://registry:8081 --json

The document holds no credentials. KONG_KAFKA_REGISTRY_USER and KONG_KAFKA_REGISTRY_PASSWORD, or
KONG_KAFKA_REGISTRY_TOKEN, are for a registry that wants to know who asks.
`;

export function asyncapiCommand(surroundings: Surroundings): Command {
  const command = new Command('asyncapi')
    .description(
      'Writes an AsyncAPI 3 document of the routes: channels, operations, replies, correlation ids.',
    )
    .option('--config <file>', 'kong.yml to describe')
    .option('--route <name>', 'only this route')
    .option('--registry <url>', 'schema registry whose schemas are put into the document')
    .addOption(new Option('--title <text>', 'title of the document').default('Kafka behind Kong'))
    .addOption(new Option('--document-version <text>', 'version of the document').default('1.0.0'))
    .addOption(
      new Option('--as <who>', 'who is described: the gateway sends requests, the service receives them')
        .choices(['gateway', 'service'])
        .default('gateway'),
    )
    .addHelpText('after', EXAMPLES);
  return withAction<Flags>(command, surroundings, (output, flags) => write(output, flags, surroundings));
}

async function write(output: Output, flags: Flags, { env, interrupted }: Surroundings) {
  if (flags.config === undefined) throw usageError('Say what to describe, by --config <file>.');
  const { describe } = await import('./run.js');
  const document = await describe(
    { ...flags, config: flags.config },
    { env, interrupted, tell: (sentence) => output.progress(sentence) },
  );
  if (output.isJson) output.document(document);
  else output.raw((await import('yaml')).stringify(document));
  return EXIT.fine;
}
