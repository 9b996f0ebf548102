import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { withAction } from '../action';
import { EXIT, usageError, type ExitCode } from '../exit-codes';
import type { Output } from '../output';
import { shownText } from '../shown-text';
import type { Surroundings } from '../surroundings';
import type { MigratedEntity } from './migrate-file';

const EXAMPLES = `
Examples:
  kong-kafka migrate kong.yml > kong-new.yml
  curl -s localhost:8001/plugins/4f1c9a6e | kong-kafka migrate -

It takes kafka-upstream, confluent and kafka-log of Kong, and kong-kafka-log of Optum, in a kong.yml or in JSON of the
Admin API. The new configuration is on stdout; what changes, and what has no equal, on stderr. Ends with 3 when
something has no equal. What is written is kept; where a default differs, it says what to add to have the old one.
`;

export function migrateCommand(surroundings: Surroundings): Command {
  const command = new Command('migrate')
    .description(
      'Turns Kafka plugins of Kong into these, and says what changes; nothing is lost without a word.',
    )
    .argument('<file>', 'kong.yml, or JSON of the Admin API; - reads stdin')
    .addHelpText('after', EXAMPLES);
  return withAction(command, surroundings, (output, _flags, [file]) =>
    migrate(output, file ?? '-', surroundings),
  );
}

async function migrate(output: Output, file: string, { stdin }: Surroundings): Promise<ExitCode> {
  const written = file === '-' ? await readAll(stdin) : textOf(file);
  const [yaml, { migrateFile }] = await Promise.all([import('yaml'), import('./migrate-file.js')]);
  let migrated: ReturnType<typeof migrateFile>;
  try {
    migrated = migrateFile(yaml, written);
  } catch (error) {
    throw usageError(`${file}: ${(error as Error).message}.`);
  }
  const { plugins, text } = migrated;
  if (plugins.length === 0)
    throw usageError(`${file} has none of kafka-upstream, confluent, kafka-log and kong-kafka-log.`);
  const isComplete = plugins.every(({ changes }) => changes.every(({ fate }) => fate !== 'refused'));
  if (output.isJson)
    output.document({ configuration: yaml.parse(text) as unknown, is_complete: isComplete, plugins });
  else {
    output.raw(text);
    for (const plugin of plugins) for (const line of linesOf(plugin)) output.progress(line);
  }
  return isComplete ? EXIT.fine : EXIT.findings;
}

function linesOf({ from, to, where, changes }: MigratedEntity): string[] {
  const order = ['refused', 'changed', 'dropped'] as const;
  const sorted = order.flatMap((fate) => changes.filter((change) => change.fate === fate));
  return [
    `${shownText(where)}: ${from} ${to === undefined ? 'stays as it is' : `becomes ${to}`}`,
    ...sorted.map(
      ({ option, fate, words }) =>
        `  ${fate === 'refused' ? 'no equal' : fate}: ${option === undefined ? '' : `${shownText(option)}: `}${shownText(words)}`,
    ),
  ];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${(error as Error).message}.`);
  }
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as string));
  return Buffer.concat(chunks).toString();
}
