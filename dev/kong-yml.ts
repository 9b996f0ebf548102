/**
 * Prints kong.yml for another Kafka than the one it is written for, comments and all, and for another schema registry.
 *
 *   node dist/dev/kong-yml.js --bootstrap localhost:9092 [--registry http://localhost:8081] [--input kong/kong.yml]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMap, isScalar, parseDocument, visit } from 'yaml';

const USAGE = `Usage: npm run --silent kong-yml -- --bootstrap <host:port>[,<host:port>...] [--registry <url>] [--input <file>]

Prints Kong's declarative configuration with the brokers of every plugin replaced.

  --bootstrap <host:port>[,...]  brokers to put in
  --registry <url>               schema registry to put in (default: as it is)
  --input <file>                 configuration to read (default: kong/kong.yml of this repository)
  --help                         show this text
`;

const KONG_YML = join(__dirname, '..', '..', 'kong', 'kong.yml');
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

class UsageError extends Error {}

interface Broker {
  readonly host: string;
  readonly port: number;
}

/**
 * @param text a declarative configuration
 * @param bootstrapServers "host:port", several separated by commas
 * @param registry URL of a schema registry; undefined: as it is
 * @throws Error with one sentence when one of them makes no sense
 */
export function renderKongYml(text: string, bootstrapServers: string, registry?: string): string {
  const brokers = bootstrapServers.split(',').map(parseBroker);
  if (registry !== undefined && !/^https?:\/\/[^\s@?#]+$/.test(registry))
    throw new UsageError(`--registry takes an http or https URL, not '${registry}'.`);
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new Error(`The configuration is not valid YAML: ${firstLine(problem)}`);
  visit(document, {
    Pair(_, pair) {
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      if (name === 'bootstrap_servers') {
        pair.value = document.createNode(brokers, { flow: true });
        return visit.SKIP;
      }
      if (name === 'confluent' && isMap(pair.value) && registry !== undefined) {
        pair.value.set('url', registry);
        return visit.SKIP;
      }
      return undefined;
    },
  });
  // A width would fold the comments.
  return document.toString({ lineWidth: 0 });
}

function parseBroker(text: string): Broker {
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(`--bootstrap takes <host:port>, several separated by commas, not '${text}'.`);
  }
  return { host, port: Number(port) };
}

function main(args: string[]): void {
  const options = parseOptions(args);
  if (options === 'help') process.stdout.write(USAGE);
  else process.stdout.write(renderKongYml(read(options.input), options.bootstrap, options.registry));
}

function parseOptions(
  args: string[],
): { bootstrap: string; registry: string | undefined; input: string } | 'help' {
  const { bootstrap, registry, input, help } = parse(args);
  if (help) return 'help';
  if (bootstrap === undefined) throw new UsageError('--bootstrap is missing: the brokers to put in.');
  return { bootstrap, registry, input };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        bootstrap: { type: 'string' },
        registry: { type: 'string' },
        input: { type: 'string', default: KONG_YML },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    // parseArgs goes on with advice about positionals after its first sentence.
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new UsageError(`${sentence.replace(/\.$/, '')}.`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${firstLine(error as Error)}`);
  }
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0] ?? '';
}

if (require.main === module) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(
      `kong-yml: ${(error as Error).message}${error instanceof UsageError ? ' See --help.' : ''}\n`,
    );
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}
