/** `node dist/dev/kafka/cli.js`: a Kafka for the demo, in the foreground. */
import { parseArgs } from 'node:util';
import { fetchKafka, startKafka } from './server';
import type { KafkaOptions } from './server';

const USAGE = `Usage: node dist/dev/kafka/cli.js <command> [options]

Commands
  start             start Apache Kafka in the foreground; Ctrl-C stops it
  fetch             fetch the jars and prepare quick starts, then exit

Options of start
  --nodes <1|3>     number of nodes (default 1)
  --port <number>   port of the first node (default 9092)
  --data <folder>   keep the data there (default: a temporary folder, removed at the end)
  --help            show this text
`;

type Command = { name: 'help' } | { name: 'fetch' } | { name: 'start'; options: KafkaOptions };

/** @throws Error with one sentence when the arguments make no sense */
export function parseCommand(args: string[]): Command {
  const { values, positionals } = readArguments(args);
  const [name, ...rest] = positionals;
  if (values.help) return { name: 'help' };
  if (rest.length > 0) throw new Error(`Unexpected argument '${rest.join(' ')}'.`);
  if (name === 'fetch') return { name };
  if (name !== 'start')
    throw new Error(name === undefined ? 'Name a command: start or fetch.' : `Unknown command '${name}'.`);
  if (values.nodes !== '1' && values.nodes !== '3')
    throw new Error(`--nodes is 1 or 3, not '${values.nodes}'.`);
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`--port is a number from 1 to 65535, not '${values.port}'.`);
  }
  const nodes = values.nodes === '3' ? 3 : 1;
  return { name, options: { nodes, port, ...(values.data === undefined ? {} : { dataRoot: values.data }) } };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        nodes: { type: 'string', default: '1' },
        port: { type: 'string', default: '9092' },
        data: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    // What follows the first sentence is advice about positional arguments that does not fit here.
    const [sentence = 'The arguments make no sense'] = (error as Error).message.split(/\. |\.$/);
    throw new Error(`${sentence}.`, { cause: error });
  }
}

async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  switch (command.name) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'fetch':
      await fetchKafka();
      return;
    case 'start': {
      // Listened for from the beginning: a signal during the start would leave the temporary files behind.
      const signalled = nextSignal();
      const server = await startKafka(command.options);
      process.stdout.write(`${server.bootstrapServers}\n`);
      process.stderr.write('kafka: serving; Ctrl-C stops it\n');
      const signal = await signalled;
      process.stderr.write(`kafka: ${signal}, stopping\n`);
      await server.stop();
    }
  }
}

async function nextSignal(): Promise<string> {
  // Signal handlers alone do not keep a process alive, but the node's pipes do.
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

if (require.main === module) {
  main().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`kafka: ${text}${text.includes('\n') ? '' : ' See --help.'}\n`);
    process.exitCode = 1;
  });
}
