/** `node dist/dev/registry/cli.js`: the schema registry of the demo as a process of its own, with the schema of `/avro`. */
import { parseArgs } from 'node:util';
import { StubRegistry } from './stub-registry';

const USAGE = `Usage: node dist/dev/registry/cli.js [options]

A schema registry with one subject, avro.requests-value, for the demo. Nothing can be registered.

  --host <address>   to listen on (default 127.0.0.1)
  --port <number>    default 8081; 0 for any that is free
  --help             show this text
`;

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'item', type: 'string' },
    { name: 'quantity', type: 'int', default: 1 },
  ],
};

async function main(): Promise<void> {
  const { host, port, help } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8081' },
      help: { type: 'boolean', default: false },
    },
  }).values;
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  if (!/^\d{1,5}$/.test(port)) throw new Error(`--port needs a number, not '${port}'.`);
  const registry = await StubRegistry.start(undefined, host, Number(port));
  registry.add(1, { schema: JSON.stringify(ORDER) }, { subject: 'avro.requests-value' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void registry.stop());
  process.stdout.write(`registry listens on ${registry.url}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`registry: ${error instanceof Error ? error.message : String(error)} See --help.\n`);
  process.exitCode = 1;
});
